"""The kinds of objects that a schema is made of, in the order in which they are told. No I/O."""

from enum import StrEnum

__all__ = ["ObjectKind"]


class ObjectKind(StrEnum):
    """What an object is, in the word that people and SQL use for it."""

    SCHEMA = "schema"
    EXTENSION = "extension"
    LANGUAGE = "language"
    ACCESS_METHOD = "access method"
    FOREIGN_DATA_WRAPPER = "foreign data wrapper"
    SERVER = "server"
    USER_MAPPING = "user mapping"
    COLLATION = "collation"
    CONVERSION = "conversion"
    TYPE = "type"
    DOMAIN = "domain"
    FUNCTION = "function"
    PROCEDURE = "procedure"
    AGGREGATE = "aggregate"
    CAST = "cast"
    TRANSFORM = "transform"
    OPERATOR = "operator"
    OPERATOR_FAMILY = "operator family"
    OPERATOR_CLASS = "operator class"
    PARSER = "text search parser"
    TEMPLATE = "text search template"
    DICTIONARY = "text search dictionary"
    CONFIGURATION = "text search configuration"
    SEQUENCE = "sequence"
    TABLE = "table"
    FOREIGN_TABLE = "foreign table"
    VIRTUAL_TABLE = "virtual table"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    # Parts of the above, told below the one they belong to.
    COLUMN = "column"
    CONSTRAINT = "constraint"
    INDEX = "index"
    STATISTICS = "statistics"
    RULE = "rule"
    TRIGGER = "trigger"
    POLICY = "policy"
    # Of the whole database again.
    PUBLICATION = "publication"
    SUBSCRIPTION = "subscription"
    EVENT_TRIGGER = "event trigger"
    DEFAULT_PRIVILEGES = "default privileges"
    #: On what is part of the system or of an extension.
    PRIVILEGES = "privileges"

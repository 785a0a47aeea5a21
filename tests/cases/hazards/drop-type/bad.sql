DROP TYPE mood; -- here

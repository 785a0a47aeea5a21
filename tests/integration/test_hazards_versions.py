"""Rules that go by more of the target's version than its major."""

from banister.rehearsal import Rehearsal
from hazards_kit import CASES, all_findings, grounds
from servers import Servers


def rules(found: Rehearsal) -> set[str]:
    return {finding.rule for finding in all_findings(found)}


def test_building_concurrently_is_told_on_the_versions_that_lose_rows(servers: Servers) -> None:
    (case,) = (each for each in CASES if each.rule == "create-index-blocking")
    with grounds(servers, 14) as ground:
        told = ground.rehearse(case, case.good, version=(14, 3))
        assert "index-corruption-14" in rules(told)
        (finding,) = all_findings(told)
        assert finding.message.startswith("on 14.3, by_name may silently lack rows of accounts")
        assert "index-corruption-14" in rules(ground.rehearse(case, case.good))
        assert "index-corruption-14" not in rules(ground.rehearse(case, case.good, version=(14, 4)))
        assert "index-corruption-14" not in rules(
            ground.rehearse(case, [case.bad], version=(14, 3))
        )

from pathlib import Path
import pytest
from tests.neo4j.test_equality import *
from tests.neo4j.test_equality import words, store
@pytest.mark.timeout(580)
def test_some(neo4j, words, tmp_path):
    for index, case in enumerate(CASES[::8]):
        with projected(tmp_path/str(index), neo4j, words) as store:
            for body in case.bodies:
                tell(store,[body]); assert_same_answers(store)
    print(index)

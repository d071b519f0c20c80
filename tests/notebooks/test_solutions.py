"""Every exercise of the notebooks as a learner meets it: the stub is untried, the folded solution is right."""

import re


def exercises(cells):
    """(stub, check, solution), each as source code."""
    for i, cell in enumerate(cells):
        if "exercise" in cell.metadata.get("tags", []):
            (solution,) = re.findall(r"^```python\n(.*?)^```", cells[i + 2].source, flags=re.S | re.M)
            yield cell.source, cells[i + 1].source, solution


def test_stubs_are_untried_and_solutions_are_right(path, cells, monkeypatch, capsys):
    monkeypatch.chdir(path.parent)
    names = {}
    exec(cells[1].source, names)  # the imports
    for stub, check, solution in exercises(cells):
        capsys.readouterr()
        exec(stub, names)
        exec(check, names)
        assert capsys.readouterr().out == "not tried yet\n", check
        exec(solution, names)
        exec(check, names)
        assert capsys.readouterr().out.splitlines()[-1].startswith("right: "), check

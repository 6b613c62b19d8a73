"""docs/dev/cost.md says what the last benchmarks measured, and the benchmark's arithmetic is right."""

from measurements.cost import report
from measurements.cost.contenders import BARE, FIT, Contender


def test_document_has_the_figures_of_the_results():
    text = report.DOCUMENT.read_text(encoding="utf-8")
    assert report.document(text) == text, "run: make docs"


def test_ratios_are_taken_within_a_round():
    def cpu(*seconds):
        return [{"cpu": second, "wall": second} for second in seconds]

    measured = {"counts": {BARE: [{"execs": 1}], FIT: [{"execs": 1}]}}
    measured["idle"] = measured["busy"] = {BARE: cpu(1, 2, 4), FIT: cpu(3, 6, 8)}
    figures = report.summary(measured, [Contender(BARE, "peers", []), Contender(FIT, "fit", [])])
    assert figures[BARE]["idle"]["ratio"] == 1
    assert figures[FIT]["idle"]["ratio"] == 3
    assert figures[FIT]["idle"]["cpu"] == 6

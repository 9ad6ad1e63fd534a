"""A study is seeded, shares its storage, and survives a kill without losing a trial."""

import os
import time
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import optuna
import pytest
import torch
from forked import FORK, forked, kill
from small import small_network, small_splits

from utils.attacks.pgd import PGD
from utils.defences.losses.adversarial_training import AdversarialLoss
from utils.training import tuning
from utils.training.config import TrainConfig
from utils.training.losses import ValidationScore
from utils.training.studies import FINISHED, importances
from utils.training.tuning import SearchSpace, best_config, tune

SEARCH = SearchSpace(trials=6, images=144, epochs=3, batch_size=(8, 16), learning_rate=(1e-3, 5e-2))
ONE = replace(SEARCH, trials=1)
CONFIG = TrainConfig(augment=False)


def study(path, search=SEARCH, **options) -> optuna.Study:
    return tune(small_network, small_splits(), CONFIG, path, search, **options)


def settings_of(study: optuna.Study) -> list[dict]:
    return [trial.params for trial in study.get_trials(states=FINISHED)]


def test_the_seed_decides_the_trials_also_across_a_stop(tmp_path):
    straight = study(tmp_path / "straight")
    study(tmp_path / "stopped", replace(SEARCH, trials=3))
    resumed = study(tmp_path / "stopped")
    assert settings_of(straight) == settings_of(resumed)
    assert straight.best_value == resumed.best_value
    other = study(tmp_path / "other", replace(SEARCH, seed=1))
    assert settings_of(other) != settings_of(straight)


def test_a_complete_study_adds_nothing(tmp_path):
    first = len(study(tmp_path / "journal").trials)
    assert len(study(tmp_path / "journal").trials) == first == SEARCH.trials


def test_every_trial_sees_the_same_number_of_images(tmp_path):
    shown = []

    @dataclass(frozen=True)
    class Count:
        def __call__(self, model, images, labels, epoch):
            shown[-1] += len(labels)
            return model(images).sum()

    def alike(model, validation, clean):  # no trial lags, so none is ended early
        return {"score": 0.5}

    def network():
        shown.append(0)
        return small_network()

    splits = small_splits()
    tune(network, splits, CONFIG, tmp_path / "journal", SEARCH, Count(), alike)
    trials = [images for images in shown if images]
    assert len(trials) == SEARCH.trials and set(trials) == {SEARCH.images}


def test_other_data_or_another_loss_is_another_study(tmp_path):
    path = tmp_path / "journal"
    studies = (
        study(path, ONE),
        study(path, ONE, loss=AdversarialLoss(PGD(0.1))),
        tune(small_network, small_splits(1), CONFIG, path, ONE),
    )
    assert len({each.study_name for each in studies}) == 3


def test_the_objective_may_be_robust(tmp_path):
    found = study(
        tmp_path / "journal", loss=AdversarialLoss(PGD(0.05, 2)), score=ValidationScore(PGD(0.3))
    )
    plain = study(tmp_path / "plain")
    assert found.best_value < plain.best_value  # the same networks score less under attack


def test_a_storage_url_works_as_well(tmp_path):
    assert len(study(f"sqlite:///{tmp_path}/study.db", ONE).trials) == 1


def test_best_config_changes_only_what_was_searched(tmp_path):
    config = best_config(study(tmp_path / "journal"), CONFIG)
    assert config.epochs == CONFIG.epochs and config.augment == CONFIG.augment
    assert 1e-3 <= config.learning_rate <= 5e-2 and config.batch_size in (8, 16)


def study_up_to_the_third_trial(path, reached) -> None:
    whole, calls = tuning.train_or_load, []

    def train_or_load(*arguments):
        calls.append(1)
        if len(calls) == 3:
            reached.set()
            time.sleep(60)
        return whole(*arguments)

    tuning.train_or_load = train_or_load  # in this process, which is killed
    study(path)


def killed_in_the_third_trial(path) -> int:
    """The number of the process."""
    reached = FORK.Event()
    process = forked(study_up_to_the_third_trial, path, reached)
    assert reached.wait(60)
    kill(process)
    return process.pid


def test_killed_in_a_trial_the_finished_ones_stay_and_the_orphan_ends(tmp_path):
    path = tmp_path / "journal"
    killed_in_the_third_trial(path)
    resumed = study(path)
    states = [trial.state.name for trial in resumed.trials]
    assert states.count("FAIL") == 1 and "RUNNING" not in states
    assert len(settings_of(resumed)) == SEARCH.trials
    assert resumed.trials[0].params == study(tmp_path / "straight").trials[0].params


def test_the_journal_of_a_killed_worker_whose_number_is_in_use_again(tmp_path):
    """Process 1 always lives; only its start time tells that it is not the worker."""
    path = tmp_path / "journal"
    process = killed_in_the_third_trial(path)
    path.write_text(path.read_text().replace(f":{process}:", ":1:"))
    assert len(settings_of(study(path))) == SEARCH.trials


def test_a_journal_whose_last_line_was_cut_goes_on(tmp_path):
    path = tmp_path / "journal"
    study(path, replace(SEARCH, trials=3))
    os.truncate(path, path.stat().st_size - 20)
    assert len(settings_of(study(path))) == SEARCH.trials
    assert len(study(path).get_trials(states=FINISHED)) == SEARCH.trials  # and can be read again


@pytest.mark.parametrize("line", [b'"half": ', b"3", b"{}", b"PK\x03\x04\x80\xff", b"[]"])
def test_a_journal_broken_in_the_middle_is_named(tmp_path, line):
    path = tmp_path / "journal"
    study(path, ONE)
    first, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(b"\n".join([first, line, rest]))
    with pytest.raises(ValueError, match="journal holds a line that cannot be read"):
        study(path)


def test_nothing_of_a_study_lies_where_other_users_write(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    study(tmp_path / "mine" / "journal", ONE)
    assert not list((tmp_path / "shared").iterdir())


def test_two_workers_on_one_study_share_its_trials(tmp_path):
    """The union of what both tried is the study: as many trials as asked, none lost, none twice."""
    path = tmp_path / "journal"
    workers = [forked(study, path) for _ in range(2)]
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    found = study(path)
    done = found.get_trials(states=FINISHED)
    assert len(done) == SEARCH.trials
    tried_by = {trial.user_attrs["worker"].split(":")[1] for trial in done}
    assert tried_by <= {str(worker.pid) for worker in workers} and len(tried_by) == 2
    assert len({trial.number for trial in done}) == len(done)
    assert len({str(trial.params) for trial in done}) == len(done)
    assert found.best_value == max(trial.value for trial in done)


@dataclass(frozen=True)
class EverWorse:
    """Each epoch scores less than all before it, so that later trials lag."""

    judged: list = field(default_factory=list, repr=False)

    def __call__(self, model, validation, clean):
        self.judged.append(validation)
        return {"score": 1 / (1 + len(self.judged))}


def test_of_a_dozen_trials_the_lagging_ones_end_early_and_no_finished_one_counts_as_ended(tmp_path):
    dozen = replace(SEARCH, trials=12)
    found = study(tmp_path / "journal", dozen, score=EverWorse())
    pruned = found.get_trials(states=(optuna.trial.TrialState.PRUNED,))
    complete = found.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert len(pruned) + len(complete) == 12 and len(pruned) >= 4 and len(complete) >= 4
    assert all(len(trial.intermediate_values) < SEARCH.epochs for trial in pruned)
    assert all(len(trial.intermediate_values) == SEARCH.epochs for trial in complete)


@dataclass(frozen=True)
class LogLikelihood:
    """A score on which no two trials tie."""

    def __call__(self, model, validation, clean):
        return {"score": float(np.log(clean.probabilities.max(1)).mean())}


def test_what_mattered_is_told_from_four_complete_trials_on(tmp_path):
    three, six = (
        study(tmp_path / str(n), replace(SEARCH, trials=n), score=LogLikelihood()) for n in (3, 6)
    )
    assert importances(three) == {}
    shares = importances(six)
    assert sum(shares.values()) == pytest.approx(1)
    searched = {"learning_rate", "optimizer", "batch_size", "schedule"}
    complete = six.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    varied = {n for n in searched if len({trial.params[n] for trial in complete}) > 1}
    assert set(shares) == varied and "learning_rate" in varied


def test_a_setting_with_one_value_explains_nothing(tmp_path):
    few = replace(SEARCH, trials=4, optimizer=("adamw",))
    shares = importances(study(tmp_path / "journal", few, score=LogLikelihood()))
    assert "learning_rate" in shares and "optimizer" not in shares


def test_a_trial_is_judged_by_so_many_validation_images(tmp_path):
    few, score = replace(ONE, validation=12), EverWorse()
    study(tmp_path / "journal", few, score=score)
    assert [split.counts.tolist() for split in score.judged] == [[4, 4, 4]] * SEARCH.epochs


@pytest.mark.parametrize("wrong", [{"trials": 0}, {"images": 2}], ids=str)
def test_a_budget_that_allows_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(SEARCH, **wrong)


def test_a_search_in_which_every_trial_diverges_is_an_error(tmp_path):
    def diverging(model, images, labels, epoch):
        return model(images).sum() * float("nan")

    found = study(tmp_path / "journal", loss=diverging)
    assert len(found.get_trials(states=FINISHED)) == SEARCH.trials
    with pytest.raises(ValueError, match="no trial was completed"):
        best_config(found, CONFIG)


def test_partial_builders_work(tmp_path):
    found = tune(partial(small_network, 0), small_splits(), CONFIG, tmp_path / "j", SEARCH)
    assert torch.isfinite(torch.tensor(found.best_value))

"""The runner on a toy course: what runs, what is skipped, what a failure or a kill leaves."""

import signal

import psutil
from toy_course import HOLD, NOTE, course, start, wait_for, write_notebook


def test_collects_failures_and_skips_what_is_up_to_date(root):
    committed = {path: path.read_bytes() for path in root.glob("*/*.ipynb")}
    status, printed, ran = course(root, "-p", "FAIL=true")
    assert status == 1 and ran == ["prepare_dataset", "resnet"], printed
    assert "resnet_atk failed: AssertionError: planted\n" in printed and "-->" not in printed
    assert "logs/resnet_atk.log" in printed and "logs/resnet_atk.ipynb\n" in printed
    assert "Not run, because they need what failed: results" in printed
    assert "Executed notebooks" in printed and "Results page" not in printed
    status, printed, ran = course(root)
    assert status == 0 and ran == ["resnet_atk", "results"] and "3 of  3" in printed, printed
    assert (root / "assets/course/quick/results.html").exists() and "Results page" in printed
    costs = {
        path.name.partition(".")[0] for path in root.glob("assets/course/quick/logs/*.cost.json")
    }
    assert costs == {"prepare_dataset", "resnet", "resnet_atk", "results"}, "minutes for the map"
    status, printed, ran = course(root)
    assert (status, ran) == (0, []) and "Results page" in printed
    printed = course(root, "resnet")[1]
    assert "Executed notebooks" in printed and "Results page" not in printed  # of an older run
    assert committed == {path: path.read_bytes() for path in committed}


def test_survives_a_kill_of_the_driver(root):
    write_notebook(root, "notebooks/resnet", "EPOCHS = 2", HOLD, NOTE.format(name="resnet"))
    (root / "hold").touch()
    driver = start(root, "resnet")
    wait_for((root / "kernel").exists, 60)
    kernel = int(wait_for((root / "kernel").read_text, 5))
    status, printed, _ = course(root, "resnet")
    assert status == 1 and "another run is at work" in printed
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    wait_for(lambda: not psutil.pid_exists(kernel), 10)
    (root / "hold").unlink()
    status, printed, ran = course(root, "resnet")
    assert status == 0 and ran == ["resnet"], printed


def test_ctrl_c_stops_the_running_notebook_and_a_new_start_resumes(root):
    write_notebook(root, "notebooks/resnet", "EPOCHS = 2", HOLD, NOTE.format(name="resnet"))
    (root / "hold").touch()
    driver = start(root, "resnet")
    wait_for((root / "kernel").exists, 60)
    kernel = int(wait_for((root / "kernel").read_text, 5))
    driver.send_signal(signal.SIGINT)
    printed, _ = driver.communicate(timeout=30)
    assert driver.returncode == 130, printed
    assert printed.endswith("second-look: stopped; start again to resume\n")
    assert "FAILED" not in printed and "Traceback" not in printed
    wait_for(lambda: not psutil.pid_exists(kernel), 10)
    (root / "hold").unlink()
    status, printed, ran = course(root, "resnet")
    assert status == 0 and ran == ["resnet"], printed


def test_a_run_that_found_its_checkpoints_or_was_given_parameters_counts_no_minutes(root):
    (root / "checkpoints/brain/resnet").mkdir(parents=True)
    (root / "checkpoints/brain/resnet/model.safetensors").touch()
    status, printed, _ = course(root, "resnet_atk", "-p", "EPSILONS=[4]")
    assert status == 0, printed
    costs = [path.name for path in root.glob("assets/course/quick/logs/*.cost.json")]
    assert costs == ["prepare_dataset.cost.json"]


def test_names_of_notebooks_reach_no_shell(root):
    for name in ("two words", "x$(touch PLANTED)"):
        write_notebook(root, f"notebooks/{name}", "SEED = 0", NOTE.format(name="odd"))
    status, printed, ran = course(root, "two words", "x$(touch PLANTED)")
    assert status == 0 and ran == ["prepare_dataset", "odd", "odd"], printed
    assert not list(root.rglob("PLANTED"))


def test_what_others_wait_for_comes_first(root):
    write_notebook(root, "notebooks/alone", "SEED = 0", NOTE.format(name="alone"))
    status, printed, ran = course(root, "--cores", "1")
    assert status == 0, printed
    assert ran == ["prepare_dataset", "resnet", "resnet_atk", "alone", "results"]

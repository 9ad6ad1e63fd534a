"""The runner on a toy course: what runs, what is skipped, what a failure or a kill leaves."""

import signal

import psutil
from toy_course import HOLD, NOTE, course, start, wait_for, write_notebook


def test_collects_failures_and_skips_what_is_up_to_date(root):
    """On one core what others wait for comes first."""
    write_notebook(root, "notebooks/alone", "SEED = 0", NOTE.format(name="alone"))
    committed = {path: path.read_bytes() for path in root.glob("*/*.ipynb")}
    status, printed, ran = course(root, "-p", "FAIL=true", "--cores", "1")
    assert status == 1 and ran == ["prepare_dataset", "resnet", "alone"], printed
    assert printed.index("resnet_atk ...") < printed.index("alone ..."), printed
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
    assert costs == {*ran, "prepare_dataset", "resnet", "alone"}, "minutes for the map"
    status, printed, ran = course(root)
    assert (status, ran) == (0, []) and "Results page" in printed
    printed = course(root, "resnet")[1]
    assert "Executed notebooks" in printed and "Results page" not in printed  # of an older run
    assert committed == {path: path.read_bytes() for path in committed}


def held(root, driver) -> int:
    """The kernel of the notebook that waits."""
    wait_for((root / "kernel").exists, 60)
    kernel = int(wait_for((root / "kernel").read_text, 5))
    (root / "kernel").unlink()
    assert driver.poll() is None
    return kernel


def test_ctrl_c_stops_the_running_notebook_and_a_new_start_resumes_also_after_a_kill(root):
    write_notebook(root, "notebooks/resnet", "EPOCHS = 2", HOLD, NOTE.format(name="resnet"))
    (root / "hold").touch()
    driver = start(root, "resnet")
    kernel = held(root, driver)
    driver.send_signal(signal.SIGINT)
    printed, _ = driver.communicate(timeout=30)
    assert driver.returncode == 130, printed
    assert printed.endswith("second-look: stopped; start again to resume\n")
    assert "FAILED" not in printed and "Traceback" not in printed
    wait_for(lambda: not psutil.pid_exists(kernel), 10)
    driver = start(root, "resnet")
    kernel = held(root, driver)
    assert (root / "ran").read_text().split() == ["prepare_dataset"], "once, for both starts"
    status, printed, _ = course(root, "resnet")
    assert status == 1 and "another run is at work" in printed
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    wait_for(lambda: not psutil.pid_exists(kernel), 10)
    (root / "hold").unlink()
    status, printed, ran = course(root, "resnet")
    assert status == 0 and ran == ["resnet"], printed


def test_no_name_reaches_a_shell_and_minutes_count_only_where_all_was_computed(root):
    """Not where a run found its checkpoints or was given parameters."""
    (root / "checkpoints/brain/resnet").mkdir(parents=True)
    (root / "checkpoints/brain/resnet/model.safetensors").touch()
    name = "two words $(touch PLANTED)"
    write_notebook(root, f"notebooks/{name}", "SEED = 0", NOTE.format(name="odd"))
    status, printed, ran = course(root, "resnet_atk", name, "-p", "EPSILONS=[4]")
    assert status == 0 and sorted(ran) == ["odd", "prepare_dataset", "resnet", "resnet_atk"]
    assert not list(root.rglob("PLANTED"))
    costs = {path.name for path in root.glob("assets/course/quick/logs/*.cost.json")}
    assert costs == {"prepare_dataset.cost.json", f"{name}.cost.json"}

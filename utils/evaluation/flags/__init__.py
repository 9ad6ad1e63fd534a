"""Red flags: signs that a score is wrong. Clean, under attack, and as a report prints it.

Experiments make evidence; each flag gives its verdict on the evidence: a reason, or None.

red_flags             check_clean and check_attack, which chapters call
judging               how a reason becomes a row of the table
advice                what to do about each flag, in a sentence

clean_flags           verdicts on a clean score, with the evidence about it
attack_flags          on an attack; those of the next two modules are among them
model_flags           on the model that is attacked
published_flags       on the predictions that are published
control_flags         on a measure of fakes
reporting_flags       on what a report prints, with the evidence about it

attack_evidence       the evidence about an attack: all that the experiments found
attack_experiments    the attack again, with other sizes, steps, losses and knowledge
gradient_experiments  are there gradients, and do they say how the model will change?
model_experiments     does one image always get one prediction?
"""

from utils import exports

# What the package above passes on, by the module that defines it.
__getattr__ = exports(
    __name__,
    control_flags="check_control",
    red_flags="check_attack check_clean",
    reporting_flags="Report check_report",
)

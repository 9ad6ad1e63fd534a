"""An audit of a folder of images, before anything is trained on it.

finding           the result of one check, and the exit code
folder            the folder as the checks see it
file_checks       are the files readable and alike, is every class there?
duplicate_checks  duplicates, within the folder and between training and test
patient_checks    which images belong to one patient?
label_checks      does a fact without medical meaning predict the class, do neighbours differ?
shortcuts         how well facts predict the class
image_checks      which single images are unlike the others?
trigger_checks    is the same small pattern at the same place in one class?
checks            all checks by their titles
patient_table     the table of patients that the course can split by
page              the report as one HTML page
report            page, facts and summary
planted_faults    a folder with known faults
command_line      the arguments of `second-look audit`, and its exit code
"""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(__name__, checks="CHECKS", finding="NOT_AUDITED", report="Audit audit")

"""An audit of a folder of images, before anything is trained on it.

finding        the result of one check, and the exit code
folder         the folder as the checks see it
shortcuts      how well facts predict the class
checks/        the checks, by what they look at
registry       all checks by their titles
patient_table  the table of patients that the course can split by
page           the report as one HTML page
report         page, facts and summary
planted_faults  a folder with known faults
command_line   the arguments of `second-look audit`, and its exit code
"""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(__name__, registry="CHECKS", finding="NOT_AUDITED", report="Audit audit")

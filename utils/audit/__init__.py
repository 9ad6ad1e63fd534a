"""An audit of a folder of images, before anything is trained on it.

finding            the result of one check, and the exit code
folder             the folder as the checks see it
pixels/            brightness, sharpness and burnt-in text of each file at its own size
headers            facts from the headers of DICOM files
patients/          which images show one patient, and the table of patients to split by
shortcuts          how well facts predict the class
label_predictions  which class each image looks like, by heads that learned from other patients
neighbour_votes    which class the most similar images of other patients have
file_order         files by date or by number, and what changes along them
checks/            the checks, by what they look at
registry           all checks by their titles
verdict            may we train on it, and what to do first
baseline           what is new since an earlier audit
tables             a row for each image, and what lies beside the report
page               the report as one HTML page
facts              what the report states, as JSON
report             an audit from its folder to its summary
planted_faults     a folder with known faults
command_line       the arguments of `second-look audit`, and its exit code
"""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(__name__, registry="CHECKS", finding="NOT_AUDITED", report="Audit audit")

"""The checks: each a function from the folder to a finding; `utils.audit.registry` lists them.

files       are the files readable and alike, is every class there?
duplicates  the same image more than once
leakage     test images that are known from training
patients    which images belong to one patient?
shortcuts   do facts without medical meaning tell the classes apart, or training from test?
order       do images or classes change from the first file to the last?
labels      how many labels are wrong, and which ones look so?
quality     dark, bright, blurred, empty, odd in shape, or written on
images      unusual noise, and single images unlike all others
foreign     masks, and groups of images of another kind
triggers    is the same small pattern at the same place in one class?
"""

from utils import exports

# Each check by its module, which is loaded when the check is made: some need torch, or trees.
__getattr__ = exports(
    __name__,
    files="check_unreadable check_formats check_class_balance",
    duplicates="check_duplicates",
    leakage="check_leakage",
    patients="check_patients",
    headers="check_privacy check_acquisition",
    shortcuts="check_shift check_shortcuts",
    order="check_order",
    labels="check_label_share check_labels",
    quality="check_quality",
    images="check_noise check_outliers",
    foreign="check_foreign",
    triggers="check_trigger_patches",
)

"""Split, data sets by name, reading files, splitting by patient, duplicates, drawn images."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    datasets="facts_of",
    duplicates="duplicates_across nearest small_grey",
    loading="load manifest",
    reader="read_images",
    split="Split Splits concatenate resized to_float to_uint8",
    unseen=(
        "at_file_size concatenate_patients exclude_patients_of foreign_photographs unseen_patients"
    ),
    **{
        "formats.export": "save_split",
        "formats.reading": "Reading",
        "patients.recovery": "exactly_recovered recover_patients tangent_distances",
        "patients.splitting": "long_tail split_by_group split_by_image",
    },
)

"""The catalogue of data sets: what is known of each, and how its labels and patients are found."""

import re
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from utils.data.phantoms import PHANTOMS
from utils.data.source import OWN, Dataset


def _chest_class(path: Path, folder: str) -> str:
    """The file name contains the germ; the folder name is NORMAL or PNEUMONIA."""
    germ = re.search("bacteria|virus", path.name)
    return {"bacteria": "bacterial", "virus": "viral"}[germ[0]] if germ else folder.lower()


def _chest_patient(path: Path) -> str:
    """person23_bacteria_87, IM-0429-0001-0002 and NORMAL2-IM-0429-0001 are three patients.

    Person numbers start anew for each germ: images of person 23 with bacteria and of person 23
    with a virus differ like those of two patients, and the official test set separates them so.
    """
    known = re.match(r"person\d+_[a-z]+|(NORMAL2-)?IM-\d+", path.name)
    return known[0] if known else path.name


def _smear(path: Path) -> str:
    """Cells of one smear image share its light, its stain and, at their edges, pixels."""
    return path.name.split("_")[0]


def _generated(images: Tensor) -> Tensor:
    """Above and below the head real slices are exactly black, and those of a generator are not.

    Exact at 40 pixels and more; at 32 pixels 5 of the 4,937 synthetic images are missed.
    """
    edge = max(1, images.shape[-2] // 16)
    ends = images[..., :edge, :] | images[..., -edge:, :]
    return ends.flatten(1).amax(1) > 0


def _phantom(name: str) -> Dataset:
    facts = PHANTOMS[name]
    described = (facts.shows, facts.class_names, facts.channels, "MIT", "drawn by this course")
    return Dataset(*described, findings=facts.has_findings)


def _medmnist(shows: str, channels: int, *class_names: str) -> Dataset:
    licence = "CC BY-NC 4.0" if shows == "skin lesions" else "CC BY 4.0"
    return Dataset(shows, class_names, channels, licence, "medmnist.com (MedMNIST v2)")


ORGANS = (
    *("bladder", "left femur", "right femur", "heart", "left kidney", "right kidney"),
    *("liver", "left lung", "right lung", "pancreas", "spleen"),
)
TISSUES = (
    *("adipose", "background", "debris", "lymphocytes", "mucus", "smooth muscle"),
    *("normal mucosa", "stroma", "carcinoma"),
)
LESIONS = (
    *("actinic keratosis", "basal cell carcinoma", "benign keratosis", "dermatofibroma"),
    *("melanoma", "naevus", "vascular lesion"),
)
CELLS = (
    *("basophil", "eosinophil", "erythroblast", "immature granulocyte"),
    *("lymphocyte", "monocyte", "neutrophil", "platelet"),
)
KIDNEY_CELLS = (
    *("collecting duct", "distal tubule", "glomerular endothelium", "interstitial endothelium"),
    *("leukocyte", "podocyte", "proximal tubule", "thick ascending limb"),
)
FINDINGS = (
    *("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia"),
    *("pneumothorax", "consolidation", "oedema", "emphysema", "fibrosis"),
    *("pleural thickening", "hernia"),
)
RETINA = ("neovascularisation", "macular oedema", "drusen", "normal")

MEDMNIST = {
    "pathmnist": _medmnist("colon tissue", 3, *TISSUES),
    "dermamnist": _medmnist("skin lesions", 3, *LESIONS),
    "octmnist": _medmnist("retinal tomography", 1, *RETINA),
    "pneumoniamnist": _medmnist("chest X-rays of children", 1, "normal", "pneumonia"),
    "retinamnist": _medmnist("fundus photographs, five grades", 3, *"01234"),
    "breastmnist": _medmnist("breast ultrasound", 1, "malignant", "normal or benign"),
    "bloodmnist": _medmnist("blood cells", 3, *CELLS),
    "tissuemnist": _medmnist("kidney cells", 1, *KIDNEY_CELLS),
    "organamnist": _medmnist("abdominal CT, axial", 1, *ORGANS),
    "organcmnist": _medmnist("abdominal CT, coronal", 1, *ORGANS),
    "organsmnist": _medmnist("abdominal CT, sagittal", 1, *ORGANS),
    "chestmnist": replace(_medmnist("frontal chest X-rays", 1, *FINDINGS), findings=True),
}

DATASETS = {
    **{name: _phantom(name) for name in PHANTOMS},
    "alzheimer_mri": Dataset(
        "axial brain MRI, four grades of dementia; synthetic images among the training images",
        ("Non_Demented", "Very_Mild_Demented", "Mild_Demented", "Moderate_Demented"),
        channels=1,
        licence="not stated upstream: for local use only",
        source="github.com/nivbartov/MRI_Brain_Alzheimer_Classification, dataset/raw_dataset",
        lost_patients=32,  # consecutive slices; 200 patients, of the last grade two
        synthetic=_generated,
    ),
    "chest_xray": Dataset(
        "chest X-rays of children",
        ("normal", "bacterial", "viral"),
        channels=1,
        licence="CC BY 4.0",
        source="Kermany et al. 2018, doi 10.17632/rscbjbr9sj",
        kaggle="datasets/paultimothymooney/chest-xray-pneumonia",
        class_of=_chest_class,
        patient_of=_chest_patient,
        official_validation=False,  # 16 images, none of them viral
    ),
    "cervical_cancer": Dataset(  # some patients have several images; file names do not show it
        "colposcopy of the cervix, three types of transformation zone",
        ("Type_1", "Type_2", "Type_3"),
        channels=3,
        licence="the rules of the competition, which have to be accepted at Kaggle first",
        source="Intel & MobileODT Cervical Cancer Screening, 2017",
        kaggle="competitions/intel-mobileodt-cervical-cancer-screening",
        nested=True,
    ),
    "blood_cells": Dataset(
        "red blood cells under the microscope, cut out of smear pictures",
        ("normal_cell", "spherocyte", "target_cell", "stomatocyte", "ovalocyte", "burr_cell"),
        channels=3,
        licence="MIT",
        source="github.com/Chula-PIC-Lab/Chula-RBC-12-Dataset, 72 x 72 pixels around each point",
        patient_of=_smear,
    ),
    **MEDMNIST,
}


def facts_of(name: str) -> Dataset:
    """The entry of a data set; a path has that of your own images."""
    return DATASETS.get(name, OWN)

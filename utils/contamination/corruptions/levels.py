"""The level of each severity, by modality and family, as `calibration` found it.

At severity 1 to 5, the mean structural similarity of drawn images to their clean selves is that of
SIMILARITY, or the nearest that the family reaches.
"""

SIMILARITY = (0.95, 0.9, 0.8, 0.7, 0.6)
FILE_SIZE = 160  # pixels of the images on which the levels were found
DRAWN = {"xray": "chest_phantom", "mri": "brain_phantom", "photograph": "cervix_phantom"}
LEVELS: dict[str, dict[str, tuple[float, ...]]] = {
    "xray": {
        "QuantumNoise": (4530, 1860, 633, 288, 150),
        "GridLines": (0.0187, 0.0275, 0.0432, 0.058, 0.0749),
        "Defocus": (0.00645, 0.0105, 0.0167, 0.0237, 0.0379),
        "MotionBlur": (0.029, 0.0474, 0.0748, 0.1108, 0.22),
        "Resolution": (1.74, 2.81, 4.37, 6.12, 9.37),
        "Compression": (46.6, 15.8, 6.62, 4.02, 2.36),
        "Exposure": (0.0725, 0.11, 0.179, 0.244, 0.312),
        "Gamma": (0.267, 0.392, 0.597, 0.795, 1.02),
        "Contrast": (0.286, 0.45, 0.737, 1.03, 1.38),
        "Scatter": (0.287, 0.511, 1.09, 2.04, 4.1),
        "Collimation": (0.0257, 0.059, 0.112, 0.163, 0.214),
        "Markers": (0.0357, 0.0579, 0.103, 0.188, 0.406),
    },
    "mri": {
        "Rician": (0.0249, 0.0387, 0.0648, 0.0924, 0.123),
        "Ghosting": (0.00425, 0.00649, 0.0108, 0.0154, 0.0203),
        "Gibbs": (0.473, 0.632, 0.75, 0.797, 0.837),
        "Spike": (0.155, 0.239, 0.402, 0.569, 0.752),
        "BiasField": (1.11, 1.7, 2.79, 3.99, 4),
        "Defocus": (0.00474, 0.00674, 0.0102, 0.0135, 0.0172),
        "Resolution": (1.26, 1.81, 2.72, 3.58, 4.52),
        "Compression": (48.2, 15.7, 5.12, 3.16, 1),
        "Gamma": (0.336, 0.485, 0.716, 0.918, 1.12),
        "Contrast": (0.297, 0.437, 0.656, 0.862, 1.07),
        "Markers": (0.0474, 0.0702, 0.122, 0.211, 0.328),
    },
    "photograph": {
        "SensorNoise": (2300, 1070, 468, 270, 172),
        "SpecularSpots": (0.0134, 0.0242, 0.0436, 0.0657, 0.0969),
        "WhiteBalance": (0.414, 0.608, 0.941, 1.29, 1.71),
        "Stain": (0.449, 0.651, 0.999, 1.37, 1.83),
        "BiasField": (0.768, 1.16, 1.9, 2.71, 3.73),
        "MotionBlur": (0.01374, 0.0214, 0.0866, 0.214, 0.5),
        "Defocus": (0.00361, 0.00499, 0.0158, 0.0425, 0.1),
        "Resolution": (1.02, 1.29, 4.06, 10.7, 20),
        "Compression": (95, 95, 29.6, 8.48, 3.91),
        "Gamma": (0.256, 0.374, 0.56, 0.729, 0.912),
        "Contrast": (0.394, 0.61, 1.02, 1.51, 2.32),
        "Markers": (0.0267, 0.0497, 0.0835, 0.137, 0.262),
    },
}

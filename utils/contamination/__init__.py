"""Changes of a Split: corruptions, label errors, backdoors, fakes, inpainting, image scaling."""

from utils import exports

# What chapters import from the package itself, by the module that defines it.
__getattr__ = exports(
    __name__,
    adversarial="AdversarialImages",
    backdoor="AmplitudeMix Blend CleanLabel Cover Patch Poison Sinusoid Warp",
    base="Contamination KINDS contaminate contaminate_each kinds_of",
    composites="Mixture Splice",
    fakes="Fakes",
    hidden_images=(
        "HiddenImage HiddenTrigger MedianResistant attack_quality random_control "
        "save_lossless vulnerability_table"
    ),
    image_scaling="Scaling",
    inpainting="BlurredFill GeneratedFill NoisyFill RegrainedFill SplicedFill Tampering tamper",
    inpainting_gan="InpaintingGAN train_inpainters",
    inpainting_regions="shapes_of",
    label_noise="ImageDependent LookAlike Symmetric coarse_reading",
    planted_leaks="COPIES leaky_and_clean_splits random_labels",
    resizers="CourseReader RESIZERS Resizer downscale",
    **{
        "corruptions.common": "Defocus MotionBlur",
        "corruptions.film": "GridLines QuantumNoise",
        "corruptions.planted_noise": "Blur Gaussian MagnitudeNoise Motion Poisson UnevenCoil jpeg",
        "generators.diffusion": "DiffusionConfig DiffusionTrainer train_diffusion",
        "generators.gan": "ConditionalGAN train_generators",
        "generators.gan_trainer": "GANConfig",
        "generators.generated_images": "kid manifold",
        "generators.memorisation": "copy_ratios memorisation_test",
    },
)

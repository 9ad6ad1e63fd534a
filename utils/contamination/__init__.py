"""Changes of a Split: noise, label errors, backdoors, fakes, inpainting, image scaling."""

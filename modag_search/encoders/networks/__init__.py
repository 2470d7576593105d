"""Network definitions; these modules import torch, so encoders import them only when they encode."""

"""Any timm architecture: weights, folders, smaller copies, and the engines that run them."""

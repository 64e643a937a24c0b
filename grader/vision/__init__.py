"""A library for assignments on images: data sets, probe networks, training probes, memorization, model files."""

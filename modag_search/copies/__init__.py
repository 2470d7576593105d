"""Whether two items are one recording or one picture: by their features, and then by waveforms and pixels."""

#!/bin/bash
# flash-attn has no wheel: it is compiled against the torch that is there, so it cannot stand in torch.yaml. Where there
# is no CUDA compiler, or it does not build, attention is PyTorch's own; the log of a training names it.
set -euo pipefail

if ! command -v nvcc; then
    echo "flash-attn is left out: no nvcc"
    exit 0
fi
pip install ninja==1.13.2 wheel==0.48.0 einops==0.8.2
# Not the binary that its set-up would fetch from elsewhere, unchecked. Each compiler takes some gigabytes of memory.
FLASH_ATTENTION_FORCE_BUILD=TRUE MAX_JOBS="${MAX_JOBS:-4}" pip install --no-build-isolation --no-deps flash-attn==2.8.3.post2 ||
    echo "flash-attn is left out: it did not build"

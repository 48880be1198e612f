#define TF_KERNELS sp_tf_kernels_avx512
#include "kernels/cpu/tf_body.h"

#define TF_KERNELS sp_tf_kernels_avx2
#include "kernels/cpu/tf_body.h"

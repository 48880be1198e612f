#define TF_KERNELS sp_tf_kernels_portable
#include "kernels/cpu/tf_body.h"

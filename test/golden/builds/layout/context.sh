echo e >e

// The update rules of `rules.rs` for CUDA: one pass over parameters, states and gradient, which lie as (1 + states, count).
// VALUE is the type of the values. Coefficients are computed in double precision, as on the CPU.

#ifdef __cplusplus
extern "C"
#endif
__global__ void update(
    unsigned long long count, VALUE *packed, const VALUE *gradient, const double *ages, int aged, int rule, int flag,
    double step, double rate, double a, double b, double c, double decay)
{
    VALUE *p = packed, *s1 = packed + count, *s2 = s1 + count, *s3 = s2 + count;
    unsigned long long stride = (unsigned long long)blockDim.x * gridDim.x;
    for (unsigned long long i = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
        double t = aged ? step - ages[i] : step;
        double eta = aged ? rate * ages[count + i] : rate;
        VALUE value = p[i];
        VALUE g = gradient[i];
        if (rule == 0) { // SGD
            p[i] = value - (VALUE)eta * (g + (VALUE)decay * value);
        } else if (rule == 1) { // SGD with momentum a and dampening b; flag: Nesterov
            VALUE keep = t <= 1.0 ? (VALUE)0 : (VALUE)a;
            VALUE fresh = t <= 1.0 ? (VALUE)1 : (VALUE)(1.0 - b);
            g = g + (VALUE)decay * value;
            VALUE m = keep * s1[i] + fresh * g;
            s1[i] = m;
            p[i] = value - (VALUE)eta * (flag ? g + (VALUE)a * m : m);
        } else if (rule == 2) { // Adam; flag: decoupled decay
            VALUE penalty = flag ? (VALUE)0 : (VALUE)decay;
            VALUE keep = flag ? (VALUE)(1.0 - eta * decay) : (VALUE)1;
            VALUE size = (VALUE)(eta / (1.0 - pow(a, t)));
            VALUE second = (VALUE)(1.0 / sqrt(1.0 - pow(b, t)));
            g = g + penalty * value;
            VALUE m = (VALUE)a * s1[i] + (VALUE)(1.0 - a) * g;
            VALUE v = (VALUE)b * s2[i] + (VALUE)(1.0 - b) * (g * g);
            s1[i] = m;
            s2[i] = v;
            p[i] = value * keep - size * m / ((VALUE)sqrt(v) * second + (VALUE)c);
        } else if (rule == 3) { // AdaMax
            VALUE size = (VALUE)(eta / (1.0 - pow(a, t)));
            g = g + (VALUE)decay * value;
            VALUE m = s1[i] + (VALUE)(1.0 - a) * (g - s1[i]);
            VALUE kept = (VALUE)b * s2[i];
            VALUE seen = (g < (VALUE)0 ? -g : g) + (VALUE)c;
            VALUE u = kept > seen ? kept : seen;
            s1[i] = m;
            s2[i] = u;
            p[i] = value - size * m / u;
        } else if (rule == 4) { // Adagrad with rate decay a
            VALUE size = (VALUE)(eta / (1.0 + (t > 1.0 ? t - 1.0 : 0.0) * a));
            g = g + (VALUE)decay * value;
            VALUE sum = s1[i] + g * g;
            s1[i] = sum;
            p[i] = value - size * g / ((VALUE)sqrt(sum) + (VALUE)c);
        } else { // RMSprop with average a and momentum b; flag: centred
            g = g + (VALUE)decay * value;
            VALUE v = (VALUE)a * s1[i] + (VALUE)(1.0 - a) * (g * g);
            VALUE mean = s2[i];
            VALUE variance = v;
            if (flag) {
                mean = mean + (VALUE)(1.0 - a) * (g - mean);
                variance = v - mean * mean;
            }
            VALUE m = (VALUE)b * s3[i] + g / ((VALUE)sqrt(variance) + (VALUE)c);
            s1[i] = v;
            s2[i] = mean;
            s3[i] = m;
            p[i] = value - (VALUE)eta * m;
        }
    }
}

// The kernels' C interface under libFuzzer: the first byte says which function.
//
// With -DWITHOUT_FUZZER it is a program of its own that runs so many cases of random bytes.
#include "lookups.h"
#include "steps.h"

extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Choices c(data, size);
    switch (c.below(7)) {
        case 0: fuzz::top_k(c); break;
        case 1: fuzz::pair(c); break;
        case 2: fuzz::negative(c); break;
        case 3: fuzz::hops(c); break;
        case 4: fuzz::observed(c); break;
        case 5: fuzz::unpack(c); break;
        default: fuzz::refused_sizes(c);
    }
    return 0;
}

#if defined(WITHOUT_FUZZER)
int main(int, char** arguments) {
    uint64_t state = 1;
    uint8_t bytes[96];
    const long cases = std::atol(arguments[1]);
    for (long k = 0; k < cases; ++k) {
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(fr::mixed(++state));
        bytes[0] = static_cast<uint8_t>(k);
        LLVMFuzzerTestOneInput(bytes, sizeof bytes);
    }
    std::printf("%ld cases\n", cases);
}
#endif

// Which of the packaged builds this processor and its operating system can run.
#if defined(__x86_64__)
#include <cpuid.h>
#endif

extern "C" int fr_cpu_level();

#if defined(__x86_64__)
namespace {

struct Leaf {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    explicit Leaf(unsigned leaf) {
        if (!__get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx)) eax = ebx = ecx = edx = 0;
    }
};

template <class... Bits>
bool set(unsigned word, Bits... bits) {
    return ((word >> bits & 1) && ...);
}

// Registers that the operating system saves when it switches threads; AVX cannot be used without.
unsigned saved_registers(const Leaf& basic) {
    if (!set(basic.ecx, 27)) return 0;  // OSXSAVE: there is no xgetbv
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

}  // namespace

// n where all of x86-64-vn can be used (System V ABI, AMD64 supplement, table 3.1).
int fr_cpu_level() {
    const Leaf basic(1), more(7), extended(0x80000001);
    // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF
    if (!set(basic.ecx, 0, 9, 13, 19, 20, 23) || !set(extended.ecx, 0)) return 1;
    const unsigned saved = saved_registers(basic);
    // FMA, MOVBE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; XMM and YMM registers
    if (!set(basic.ecx, 12, 22, 28, 29) || !set(more.ebx, 3, 5, 8) || !set(extended.ecx, 5) ||
        !set(saved, 1, 2))
        return 2;
    // AVX-512 F, DQ, CD, BW, VL; masks, ZMM registers, all 32 of them
    if (!set(more.ebx, 16, 17, 28, 30, 31) || !set(saved, 5, 6, 7)) return 3;
    return 4;
}
#else
int fr_cpu_level() { return 0; }
#endif

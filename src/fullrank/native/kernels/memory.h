// Work space whose allocation says, when it is refused, how much was asked for.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "status.h"

namespace fr {

constexpr std::size_t LINE = 64;  // bytes of a cache line: a row that begins on one is read fastest

// Zeroed floats that begin on a cache line.
class Floats {
   public:
    explicit Floats(long n) : data_(allocated(n)) { std::memset(data_.get(), 0, n * sizeof(float)); }
    float* at(long i) { return data_.get() + i; }

   private:
    struct Free {
        void operator()(float* p) const { std::free(p); }
    };

    static float* allocated(long n) {
        constexpr long MOST = (std::numeric_limits<long>::max() - 2 * LINE) / sizeof(float);
        if (n < 0 || n > MOST) throw NoRoom(std::numeric_limits<int64_t>::max());
        const long bytes = (n * sizeof(float) + 2 * LINE - 1) / LINE * LINE;
        void* data = std::aligned_alloc(LINE, bytes);
        if (!data) throw NoRoom(bytes);
        return static_cast<float*>(data);
    }

    std::unique_ptr<float, Free> data_;
};

// The same for `Array`.
template <class T>
struct Allocator {
    using value_type = T;
    Allocator() = default;
    template <class U>
    Allocator(const Allocator<U>&) {}

    T* allocate(std::size_t n) {
        static_assert(alignof(T) <= LINE);
        std::size_t bytes;
        if (__builtin_mul_overflow(n, sizeof(T), &bytes))
            throw NoRoom(std::numeric_limits<int64_t>::max());
        void* data = ::operator new(bytes, std::align_val_t(LINE), std::nothrow);
        if (!data) throw NoRoom(static_cast<int64_t>(bytes));
        return static_cast<T*>(data);
    }
    void deallocate(T* data, std::size_t) { ::operator delete(data, std::align_val_t(LINE)); }

    template <class U>
    bool operator==(const Allocator<U>&) const { return true; }
    template <class U>
    bool operator!=(const Allocator<U>&) const { return false; }
};

template <class T>
using Array = std::vector<T, Allocator<T>>;

}  // namespace fr

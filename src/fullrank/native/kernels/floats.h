// Zeroed work space that begins on a cache line.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>

namespace fr {

class Floats {
   public:
    explicit Floats(long n) : data_(static_cast<float*>(std::aligned_alloc(64, (n * 4 + 127) / 64 * 64))) {
        std::memset(data_.get(), 0, n * 4);
    }
    float* at(long i) { return data_.get() + i; }

   private:
    struct Free {
        void operator()(float* p) const { std::free(p); }
    };
    std::unique_ptr<float, Free> data_;
};

}  // namespace fr

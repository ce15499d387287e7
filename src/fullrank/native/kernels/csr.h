// Columns of the rows of a sparse matrix, from outside: looked at before they are used.
#pragma once

#include <cstdint>

#include "status.h"

namespace fr {

struct Csr {
    const int64_t* indptr;   // (n_rows + 1,)
    const int32_t* indices;  // (nnz,), ascending within a row
    int64_t n_rows, nnz;

    // The entries of a row, which must be below n_rows.
    int64_t begin(int64_t row) const { return indptr[row]; }
    int64_t end(int64_t row) const { return indptr[row + 1]; }

    // Throws unless the entries of a row lie in `indices`.
    void check(const char* name, int64_t row) const {
        const uint64_t from = begin(row), to = end(row);
        if (__builtin_expect(from > to || to > static_cast<uint64_t>(nnz), 0)) refuse(name, row);
    }

   private:
    [[noreturn]] void refuse(const char* name, int64_t row) const {
        if (begin(row) < 0 || begin(row) > nnz)
            throw OutOfRange(name, row, begin(row), 0, nnz + 1);
        throw OutOfRange(name, row + 1, end(row), begin(row), nnz + 1);
    }
};

}  // namespace fr

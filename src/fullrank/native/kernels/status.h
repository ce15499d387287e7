// How a kernel fails: what it throws inside, and the status and details that its caller gets.
#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

namespace fr {

enum Status : int32_t { OK = 0, NO_MEMORY = 1, NO_THREADS = 2, OUT_OF_RANGE = 3, FAILED = 4 };

// The details of a failure; `abi.py` has the same struct.
struct Failure {
    int64_t bytes;     // NO_MEMORY: how many were asked for, 0 where that is not known
    int64_t position;  // OUT_OF_RANGE: where in the array, or -1 for a single value
    int64_t value, low, high;  // OUT_OF_RANGE: the value, which is not in [low, high)
    char text[128];    // OUT_OF_RANGE: name of the array; otherwise what was thrown
};

// An allocation that was refused, or a size that no memory has.
class NoRoom : public std::bad_alloc {
   public:
    explicit NoRoom(int64_t bytes) : bytes(bytes) {}
    const char* what() const noexcept override { return "no room"; }
    const int64_t bytes;
};

// A number outside the range that its array, or its setting, must keep to.
class OutOfRange : public std::exception {
   public:
    OutOfRange(const char* name, int64_t position, int64_t value, int64_t low, int64_t high)
        : name(name), position(position), value(value), low(low), high(high) {}
    const char* what() const noexcept override { return name; }
    const char* const name;  // a literal
    const int64_t position, value, low, high;
};

inline Status failed(Status status, Failure* failure, const char* text) noexcept {
    std::snprintf(failure->text, sizeof failure->text, "%s", text);
    return status;
}

// Calls work() and turns whatever it throws into a status: nothing may unwind into the caller, who is
// not C++.
template <class Work>
int32_t guarded(Failure* failure, const Work& work) noexcept {
    *failure = {};
    try {
        work();
        return OK;
    } catch (const NoRoom& error) {
        failure->bytes = error.bytes;
        return failed(NO_MEMORY, failure, error.what());
    } catch (const OutOfRange& error) {
        failure->position = error.position;
        failure->value = error.value;
        failure->low = error.low;
        failure->high = error.high;
        return failed(OUT_OF_RANGE, failure, error.name);
    } catch (const std::bad_alloc& error) {
        return failed(NO_MEMORY, failure, error.what());
    } catch (const std::length_error& error) {
        return failed(NO_MEMORY, failure, error.what());
    } catch (const std::system_error& error) {
        return failed(NO_THREADS, failure, error.what());
    } catch (const std::exception& error) {
        return failed(FAILED, failure, error.what());
    } catch (...) {
        return failed(FAILED, failure, "an unknown exception");
    }
}

// Throws unless the number at that position is in [0, end).
inline void check_row(const char* name, long position, int64_t row, int64_t end) {
    if (__builtin_expect(static_cast<uint64_t>(row) >= static_cast<uint64_t>(end), 0))
        throw OutOfRange(name, position, row, 0, end);
}

// Throws unless each number is in [0, end). One subtraction and two ORs an element, which the compiler
// vectorises: the sign bit of x is set below 0, that of end - 1 - x from end on.
inline void check_rows(const char* name, const int64_t* rows, long n, int64_t end) {
    const uint64_t last = static_cast<uint64_t>(end) - 1;
    uint64_t outside = 0;
    for (long k = 0; k < n; ++k) {
        const uint64_t row = static_cast<uint64_t>(rows[k]);
        outside |= row | (last - row);
    }
    if (outside >> 63 == 0) return;
    for (long k = 0; k < n; ++k) check_row(name, k, rows[k], end);
}

// Throws unless a size is at least 1 and so small that products of two of them do not overflow.
inline void check_size(const char* name, int64_t size) {
    constexpr int64_t END = int64_t{1} << 31;
    if (size < 1 || size >= END) throw OutOfRange(name, -1, size, 1, END);
}

}  // namespace fr

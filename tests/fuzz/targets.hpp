// The readers of what others wrote, each as a function that takes any bytes. It throws `broken` when something that
// must always be true is not; everything else is for the sanitizers.
#pragma once

#include "tests/support/json_object.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace callcache::fuzz
{

// What a tool sends: requests, one behind the other.
void request(std::string_view);

// What the vendor sends: answers to lookups, one behind the other.
void answer(std::string_view);

// What the vendor answers to a list or a bulk read: the body.
void slicer(std::string_view);

// The body of a read of calls by their ids.
void asked(std::string_view);

// JSON, in any pieces.
void scanner(std::string_view);

// A configuration file; below a line "----" the environment and the flags, a line each.
void config(std::string_view);

// The file of credentials.clients_file.
void clients(std::string_view);

struct broken : std::logic_error
{
    using logic_error::logic_error;
};

inline void always(bool is_true, const char* claim)
{
    if (!is_true) throw broken(claim);
}

// A copy that ends where the bytes end, so that the address sanitizer sees whoever reads on.
class exactly
{
public:
    explicit exactly(std::string_view text) : bytes_(new char[text.size()]), size_(text.size())
    {
        text.copy(bytes_.get(), size_);
    }
    std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

// True if a terminal would act upon it.
inline bool has_control_character(std::string_view text)
{
    for (unsigned char c : text)
        if (c < ' ' || c == 127) return true;
    return false;
}

}  // namespace callcache::fuzz

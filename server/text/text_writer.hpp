// Text that is put together from many small pieces.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace callcache
{

// Appends pieces to a string by way of room of its own, as each append() of a string is a call, and an answer has
// dozens of pieces. What is written is in the string once the writer is gone.
class text_writer
{
public:
    explicit text_writer(std::string& out) : out_(out) {}
    ~text_writer() { flush(); }
    text_writer(const text_writer&) = delete;
    text_writer& operator=(const text_writer&) = delete;

    text_writer& operator<<(std::string_view text)
    {
        if (text.size() > sizeof room_ - used_) flush();
        if (text.size() > sizeof room_)
            out_ += text;
        else
        {
            std::memcpy(room_ + used_, text.data(), text.size());
            used_ += text.size();
        }
        return *this;
    }

    // In decimal.
    text_writer& operator<<(std::int64_t n)
    {
        constexpr std::size_t digits_max = 20;
        if (digits_max > sizeof room_ - used_) flush();
        used_ = std::size_t(std::to_chars(room_ + used_, room_ + sizeof room_, n).ptr - room_);
        return *this;
    }

private:
    void flush()
    {
        out_.append(room_, used_);
        used_ = 0;
    }

    std::string& out_;
    std::size_t used_ = 0;
    char room_[512];
};

}  // namespace callcache

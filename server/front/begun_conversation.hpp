// A request whose body has been read so that it can be understood, and that passes through all the same.
#pragma once

#include "server/front/conversation.hpp"

#include <string>
#include <utility>

namespace callcache
{

// A conversation whose body has been read in part: that part comes first. Front loop only.
class begun_conversation final : public conversation
{
public:
    begun_conversation(conversation& with, std::string taken) : with_(with), taken_(std::move(taken)) {}

    void notice_end(std::function<void()> left) override { with_.notice_end(std::move(left)); }
    bool is_half_closed() const override { return with_.is_half_closed(); }
    task<body_piece> read_body() override
    {
        if (!std::exchange(is_handed_out_, true) && !taken_.empty()) co_return body_piece{taken_, {}};
        std::string().swap(taken_);
        co_return co_await with_.read_body();
    }
    void stop_reading() override { with_.stop_reading(); }
    bool is_body_read() const override { return with_.is_body_read(); }
    const std::vector<field>& trailers() const override { return with_.trailers(); }
    task<bool> write(std::string& out) override { return with_.write(out); }
    void break_off() override { with_.break_off(); }

private:
    conversation& with_;
    std::string taken_;
    bool is_handed_out_ = false;
};

}  // namespace callcache

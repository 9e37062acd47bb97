// What the operator is answered: health and readiness.
#pragma once

#include "config/settings.hpp"
#include "server/clock.hpp"
#include "server/http/handler.hpp"
#include "server/log.hpp"

#include <atomic>

namespace callcache
{

// Any front's thread.
class admin final : public handler
{
public:
    struct parts
    {
        const settings& config;
        const std::atomic<bool>& ready;
        const clock_source& clock;
        callcache::log& out;
    };
    explicit admin(parts p) : parts_(p) {}

    bool answer_now(const request&, const reply_mode&, remembered_credential&, std::string& out) override;
    task<void> answer(const request&, const reply_mode&, remembered_credential&, std::string& out) override;
    void refuse(const refused_head&, std::string& out) override;
    void mistake(std::string_view what) override;

private:
    const parts parts_;
};

}  // namespace callcache

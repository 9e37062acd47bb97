// What the operator is answered: health, readiness, what the budget stands at; and the end of a pause.
#pragma once

#include "config/live_settings.hpp"
#include "server/admin/admin_token.hpp"
#include "server/brain.hpp"
#include "server/clock.hpp"
#include "server/http/handler.hpp"
#include "server/log.hpp"

#include <atomic>
#include <optional>

namespace callcache
{

// Any front's thread.
class admin final : public handler
{
public:
    struct parts
    {
        const live_settings& config;
        const std::atomic<bool>& ready;
        const admin_token_holder& token;  // empty while there is none
        brain& misses;
        const clock_source& clock;
        callcache::log& out;
        const request_counts& counts;
    };
    explicit admin(parts p) : parts_(p) {}

    bool answer_now(const request&, const reply_mode&, remembered_credential&, std::string& out) override;
    task<void> answer(const request&, reply_mode&, remembered_credential&, conversation&, std::string& out) override;
    void refuse(const refused_head&, bool head_only, std::string& out) override;
    void mistake(std::string_view what) override;

private:
    std::optional<reply> refusal(const request&) const;

    const parts parts_;
};

}  // namespace callcache

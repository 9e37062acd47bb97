// What tools are answered: the hit path, and the way to the fetcher.
#pragma once

#include "cache/tiers.hpp"
#include "config/live_settings.hpp"
#include "server/fetch/fetcher.hpp"
#include "server/front/handler.hpp"
#include "server/front/route.hpp"
#include "server/http/cache_status.hpp"
#include "server/secrets/clients.hpp"
#include "server/secrets/credential.hpp"

#include <atomic>

namespace callcache
{

// Called on every front's loop; what it refers to may be used from any thread.
class lookup_handler final : public handler
{
public:
    struct parts
    {
        const live_settings& config;
        tiers& kept;
        partitions& known;
        fetcher& misses;
        const credential_holder* injected;  // null with `forward`
        const client_holder* clients;       // null unless tools show tokens
        const origin& upstream;
        const clock_source& clock;
        callcache::log& out;
        request_counts& counts;
    };
    explicit lookup_handler(parts p) : parts_(p) {}

    bool answer_now(const request&, const reply_mode&, remembered_credential&, std::string& out) override;
    task<void> answer(const request&, reply_mode&, remembered_credential&, conversation&, std::string& out) override;
    void refuse(const refused_head&, bool head_only, std::string& out) override;
    void mistake(std::string_view what) override;

private:
    std::optional<reply> refusal(const request&, const routed&, const remembered_credential&) const;
    void recognize(const request&, remembered_credential&) const;
    void remember(const request&, remembered_credential&) const;
    const partition_ptr& kept_under(const routed&, remembered_credential&) const;
    routed route_of(const request&) const;
    decision rule(const request&, const partition&, const entry* kept, wall_time now) const;
    lookup lookup_of(const request&, const routed&, const remembered_credential&, entry_ptr seen, why) const;

    task<void> pass(const request&, const routed&, reply_mode&, const remembered_credential&, conversation&,
                    std::string& out);
    task<bool> take_body(const request&, reply_mode&, const remembered_credential&, conversation&, std::string& out);

    std::string tool_of(const request&, const routed&, const remembered_credential&) const;
    void be_counted(const request&, const routed&, remembered_credential&) const;
    void note(const request&, unsigned status, outcome, const remembered_credential&) const;
    void log_answer(const request&, unsigned status, outcome, const std::string& tool) const;
    void write(std::string& out, reply, const cache_status&, outcome, const request&, const reply_mode&,
               const remembered_credential&) const;
    void write_kept(std::string& out, const entry&, outcome, std::string_view detail, const request&, const reply_mode&,
                    const remembered_credential&, wall_time now) const;
    void write_looked_up(std::string& out, const looked_up&, why, const request&, const reply_mode&,
                         const remembered_credential&) const;
    void write_not_kept(std::string& out, const request&, const reply_mode&, const remembered_credential&) const;

    const parts parts_;
    std::atomic<std::uint64_t> askers_{0};
};

}  // namespace callcache

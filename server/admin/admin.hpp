// What the operator is answered and what is done for them: the table of pages is in admin.cpp.
#pragma once

#include "cache/tiers.hpp"
#include "config/live_settings.hpp"
#include "config/reload.hpp"
#include "server/admin/admin_token.hpp"
#include "server/admin/explanation.hpp"
#include "server/admin/observer.hpp"
#include "server/async/clock.hpp"
#include "server/fetch/fetcher.hpp"
#include "server/front/handler.hpp"
#include "server/telemetry/log.hpp"

#include <atomic>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

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
        tiers& kept;
        partitions& known;
        fetcher& misses;
        observer& sight;
        const clock_source& clock;
        callcache::log& out;

        // Has the configuration read again, and calls back once, on any thread, with what came of it.
        std::function<void(std::function<void(reloaded)>)> reload;
    };
    explicit admin(parts p) : parts_(std::move(p)) {}

    bool answer_now(response_context&) override;
    task<void> answer(response_context&, conversation&) override;
    void refuse(const refused_head&, bool head_only, outgoing& out) override;
    void mistake(std::string_view what) override;

private:
    // A page answers at once (`now`), or has to ask or to read (`later`).
    struct page
    {
        std::string_view method;  // GET means HEAD too
        std::string_view path;    // "/explain/{id}": what stands in braces is the rest of the target
        reply (admin::*now)(const request&) const;
        task<reply> (admin::*later)(const request&, conversation&);
    };
    struct found
    {
        const page* what;  // null: refused
        reply refused;
    };
    static std::span<const page> pages();
    found find(const request&) const;

    reply health(const request&) const;
    reply readiness(const request&) const;
    reply front_page(const request&) const;
    task<reply> metrics(const request&, conversation&);
    task<reply> stats(const request&, conversation&);
    task<reply> resume(const request&, conversation&);
    task<reply> explain(const request&, conversation&);
    task<std::vector<known_view>> find_views(const std::string& id, const std::vector<partition_ptr>& all);
    task<reply> purge(const request&, conversation&);
    task<reply> reload(const request&, conversation&);

    const parts parts_;
};

}  // namespace callcache

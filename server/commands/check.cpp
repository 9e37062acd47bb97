// `callcache check`: says what `serve` would refuse, or prints the effective configuration. With --live it asks the
// vendor too.

#include "config/budget_share.hpp"
#include "config/keys.hpp"
#include "server/admin/access.hpp"
#include "server/admin/headline.hpp"
#include "server/async/system_clock.hpp"
#include "server/budget/zone.hpp"
#include "server/commands/admin_client.hpp"
#include "server/commands/commands.hpp"
#include "server/commands/live_check.hpp"
#include "server/front/listener.hpp"
#include "server/front/tls_identity.hpp"
#include "server/secrets/credential.hpp"
#include "server/start_files.hpp"
#include "server/text/escape.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace callcache
{
namespace
{

using book = std::variant<ledger*, std::string>;

// A ledger in memory has no lock that tells of another process; whether one runs where the configuration says does.
bool is_running(const settings& config)
{
    own_address self = config.server.admin.empty() ? tools_address(config) : admin_address(config);
    return ask_self(self, "GET", "/healthz", std::chrono::seconds(1)).status != 0;
}

std::string owned_by(const std::string& who, const settings& config)
{
    return who +
           " owns the budget, and two would exceed it. Stop it and check again; or ask for a call through it, "
           "which answers with what Gong says: " +
           (tools_address(config).tls ? "https://" : "http://") + config.server.listen.front() + "/v2/calls/ID";
}

book usable(ledger_opening& opened, const settings& config, const data_files& files)
{
    if (auto* trouble = std::get_if<std::string>(&opened)) return *trouble;
    if (auto* used = std::get_if<ledger_in_use>(&opened))
        return owned_by("a callcache that runs (" + used->by + ")", config);
    if (files.ledger == in_memory && is_running(config)) return owned_by("a callcache that runs", config);
    return std::get<std::unique_ptr<ledger>>(opened).get();
}

int ask_vendor(const settings& config, const data_files& files, const std::string& authorization, const std::string& id)
{
    system_clock clock;
    auto out = make_log(config.log);
    auto day = calendar_of(config.budget.day);
    if (auto* trouble = std::get_if<std::string>(&day)) return refuse(*trouble);
    destination to{*parse_origin(config.upstream.url), parse_proxy(config.upstream.proxy), nullptr};
    auto authorities = read_authorities(config);
    if (auto* trouble = std::get_if<std::string>(&authorities)) return refuse(*trouble);
    to.tls = std::get<std::shared_ptr<asio::ssl::context>>(std::move(authorities));
    auto own = std::make_shared<own_marks>();
    for (const auto* listeners : {&config.server.listen, &config.server.admin})
        for (const std::string& address : *listeners)
            if (auto at = parse_host_port(address))
                for (const tcp::endpoint& e : endpoints_of(*at)) own->listeners.push_back(e);
    if (!config.server.tls_certificate_file.empty())
        if (auto read = read_tls_identity(config.server); auto* shown = std::get_if<tls_identity>(&read))
            own->is_certificate = [shown = *shown](const x509_st* c) { return shows(shown, c); };
    to.own = own;
    bool good = false;
    asio::io_context loop(1);  // outlives the ledger, whose thread tells it of what was written
    {
        bool spends = !authorization.empty();
        ledger_opening opened = spends ? open_ledger(config, files, clock, *out) : ledger_opening("not needed");
        live_check live{loop.get_executor(),
                        config,
                        clock,
                        to,
                        authorization,
                        id,
                        usable(opened, config, files),
                        std::get<calendar>(day),
                        [](const std::string& line) {
                            std::puts(harmless(line).c_str());
                            std::fflush(stdout);
                        }};
        asio::co_spawn(loop, live.run(), [&](const std::exception_ptr& mistake, bool well) {
            if (mistake) std::rethrow_exception(mistake);
            good = well;
            loop.stop();  // a name lookup that hangs would keep it running
        });
        loop.run();
    }
    out.reset();  // what is queued is written
    std::puts(good ? "\nNothing failed." : "\nA step failed.");
    std::fflush(stdout);
    // And no further, or the name lookup would hold the process.
    std::_Exit(good ? 0 : 1);
}

// "cache.path  c.db   (set: CALLCACHE_CACHE_PATH)", a line each.
void print_keys(const settings& config, const check_wishes& wishes)
{
    const settings defaults;
    std::size_t width = 0, left_out = 0;
    for (const config_key& k : config_keys()) width = std::max(width, k.path.size());
    for (const config_key& k : config_keys())
    {
        const std::string path(k.path), value = k.show(config);
        auto set_by = wishes.set_by.find(path);
        std::string mark = value == k.show(defaults) ? "" : "   (follows from other keys)";
        if (set_by != wishes.set_by.end()) mark = "   (set: " + set_by->second + ")";
        if (mark.empty() && !wishes.all)
            ++left_out;
        else
            std::printf("%-*s  %s%s\n", int(width), path.c_str(), value.empty() ? "-" : value.c_str(), mark.c_str());
    }
    if (left_out > 0)
        std::printf("%s%zu keys have their defaults: `callcache check --all` prints them.\n",
                    left_out < config_keys().size() ? "\n" : "", left_out);
}

std::optional<std::string> warn_of_certificate(const settings& config)
{
    if (config.server.tls_certificate_file.empty()) return std::nullopt;
    auto read = read_tls_identity(config.server);
    auto* identity = std::get_if<tls_identity>(&read);
    return identity ? certificate_warning(end_of(*identity), system_clock().wall()) : std::nullopt;
}

}  // namespace

int check(const settings& config, const check_wishes& wishes)
{
    const auto problems = start_problems(config);
    for (const config_problem& p : problems) refuse(p);
    if (!problems.empty()) return 1;
    std::string authorization = wishes.authorization;
    if (config.credentials.mode == credentials_mode::inject)
    {
        auto read = read_injected(config.credentials);
        auto* trouble = std::get_if<std::string>(&read);
        if (trouble) std::fprintf(stderr, "callcache: %s; offline nothing is found without it\n", trouble->c_str());
        if (!trouble) authorization = std::get<injected_credential>(read).authorization;
    }
    auto found = find_files(config);
    if (auto* trouble = std::get_if<std::string>(&found)) return refuse(*trouble);
    print_keys(config, wishes);
    std::printf("\nThe configuration is valid.\n");
    if (config.mode == run_mode::offline)
        std::puts("Offline (mode): only what is kept is served; nothing goes upstream.");
    if (auto proxy = own_proxy_warning(config)) std::printf("Warning: %s.\n", proxy->c_str());
    if (auto share = share_warning(config)) std::printf("Warning: %s.\n", share->c_str());
    if (auto open = admin_warning(config.server)) std::printf("Warning: %s.\n", open->c_str());
    if (auto certificate = warn_of_certificate(config)) std::printf("Warning: %s.\n", certificate->c_str());
    std::fflush(stdout);
    if (wishes.live && config.mode == run_mode::offline)
        return refuse("--live: mode is offline, and nothing goes upstream");
    return wishes.live ? ask_vendor(config, std::get<data_files>(found), authorization, wishes.id) : 0;
}

}  // namespace callcache

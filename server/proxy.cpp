#include "server/proxy.hpp"

#include "cache/file_system.hpp"
#include "cache/mistakes.hpp"
#include "config/budget_share.hpp"
#include "server/admin/access.hpp"
#include "server/admin/headline.hpp"
#include "server/async/run_loop.hpp"
#include "server/budget/zone.hpp"
#include "server/front/bind_addresses.hpp"
#include "server/open_ledger.hpp"
#include "server/start_files.hpp"
#include "server/text/escape.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace callcache
{
namespace
{

constexpr std::size_t threads_max = 4;

// One sweep about every second, or more often where a deadline is shorter than that.
task<void> sweep(front& f, const session_rules& rules)
{
    for (;;)
    {
        auto every = std::clamp<milliseconds>(std::min(rules.limits().header_timeout, rules.limits().idle_timeout) / 4,
                                              25ms, 1s);
        co_await sleep_until(rules.clock, rules.clock.steady() + every);
        survives([&] { f.sweep(rules.clock.steady()); }, [&](std::string_view m) { rules.answers.mistake(m); });
    }
}

// Those that wait for a request have had their moment.
task<void> end_idle(front& f, const clock_source& clock)
{
    co_await sleep_until(clock, clock.steady() + session::drain_grace);
    for (session* s : f.sessions) s->sweep(clock.steady());
}

// That this process may run on: taskset or a container's cpuset leave it fewer than the machine has.
std::size_t cores()
{
    cpu_set_t usable;
    return sched_getaffinity(0, sizeof usable, &usable) == 0 ? std::size_t(CPU_COUNT(&usable)) : 1;
}

// As many as the system lets us have.
std::uint64_t raise_descriptor_limit()
{
    rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

// True of a file that the process may read by its mode, and the sandbox does not let it: a restart would.
bool is_kept_out_of_reach(const std::string& file)
{
    if (access(file.c_str(), R_OK) != 0) return false;
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) close(fd);
    return fd < 0 && errno == EACCES;
}

std::string place_of(view_keeping k, bool has_no_file)
{
    if (k == view_keeping::off) return "nowhere; they pass through";
    return k == view_keeping::memory || has_no_file ? "in memory alone" : "in memory and in the file";
}

// Of the machine, or the container.
std::string host_name()
{
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 && *name != 0 ? harmless(name) : "this machine";
}

std::string joined(const std::vector<std::string>& texts)
{
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : "; ") + text;
    return all;
}

}  // namespace

proxy::started proxy::start(const settings& config, const surroundings& around)
{
    // Before a file is made.
    if (auto problems = start_problems(config); !problems.empty()) return joined(problems);
    for (const auto* addresses : {&config.server.listen, &config.server.admin})
    {
        asio::io_context loop(1);
        auto bound = bind_addresses(*addresses, loop.get_executor());
        if (auto* trouble = std::get_if<std::string>(&bound)) return *trouble;
    }
    std::unique_ptr<proxy> p(new proxy(config, around));
    for (auto step : {&proxy::find_files, &proxy::open_cache, &proxy::open_ledger, &proxy::open_upstream,
                      &proxy::open_alerts, &proxy::open_listeners})
        if (auto trouble = (p.get()->*step)()) return *trouble;
    p->announce();
    p->run_loops();
    p->ready_ = true;
    return p;
}

proxy::proxy(const settings& config, const surroundings& around) :
    config_(config),
    log_(around.out, around.clock),
    around_{around.clock, log_, around.by_hand, around.read_again},
    upstream_(*parse_origin(config.upstream.url)),
    descriptors_(raise_descriptor_limit()),
    clients_file_(config.credentials.clients_file),
    ca_file_(config.upstream.ca_file),
    tls_certificate_file_(config.server.tls_certificate_file),
    tls_key_file_(config.server.tls_key_file),
    admin_token_file_(config.server.admin_token_file),
    webhook_file_(config.alerts.webhook_file)
{
    const credentials_settings& c = config_->credentials;
    for (const std::string& path : {c.access_key_file, c.access_key_secret_file, c.bearer_token_file})
        credential_files_.emplace_back(path);
}

std::optional<std::string> proxy::find_files()
{
    auto found = callcache::find_files(*config_);
    if (auto* trouble = std::get_if<std::string>(&found)) return *trouble;
    files_ = std::move(std::get<data_files>(found));
    return std::nullopt;
}

std::optional<std::string> proxy::open_cache()
{
    const std::string& path = files_.cache;
    std::unique_ptr<store> disk;
    if (path == in_memory)
        disk = make_empty_store();
    else
    {
        const bool is_new_lock = !file_at(path + "-lock");
        auto locked = file_lock::take(path + "-lock", file_lock::this_process());
        if (auto* by = std::get_if<file_lock::held>(&locked))
            return "the database " + path + " is in use by " + by->by +
                   ". One callcache for a database: stop that one, or choose another file with --db FILE";
        // A folder that cannot be written is explained where the database is opened.
        if (auto* l = std::get_if<file_lock>(&locked)) lock_.emplace(std::move(*l));
        auto journal = journal_on(file_system_at(path));
        if (!journal.note.empty()) around_.out.warn(journal.note);
        auto opened =
            open_sqlite_store({path, config_->cache.disk_max, config_->cache.calls.keep_max,
                               [clock = &around_.clock] { return clock->wall(); },
                               [out = &around_.out](const std::string& line) { out->warn(line); }, journal.how,
                               config_->credentials.share == credentials_share::company,
                               [clock = &around_.clock] { return clock->steady(); }, config_->cache.memory_max / 8});
        if (auto* refused = std::get_if<store_refused>(&opened))
        {
            if (lock_ && is_new_lock) unlink(lock_->path().c_str());  // while it is held: nobody else's
            return refused->text;
        }
        if (auto* u = std::get_if<file_lock::unavailable>(&locked)) return "cannot lock " + path + "-lock: " + u->why;
        disk = std::move(std::get<std::unique_ptr<store>>(opened));
    }
    partitions_ = std::make_unique<partitions>(disk->salt(), upstream_.text(), disk->kept_partitions(),
                                               config_->credentials.company_keys);
    tiers_ = std::make_unique<tiers>(config_->cache.memory_max, std::move(disk), config_->cache.calls.keep_max);
    place_views();
    return std::nullopt;
}

std::optional<std::string> proxy::open_ledger()
{
    auto opened = callcache::open_ledger(*config_, files_, around_.clock, around_.out);
    if (auto* trouble = std::get_if<std::string>(&opened)) return *trouble;
    if (auto* used = std::get_if<ledger_in_use>(&opened))
        return "the budget's ledger " + used->path + " is in use by " + used->by +
               ". One callcache for a budget: stop that one, or divide the limit between the two (budget.rate 1 and 2, "
               "and budget.daily) and choose another file with --set budget.path=FILE";
    ledger_ = std::move(std::get<std::unique_ptr<ledger>>(opened));
    return std::nullopt;
}

std::optional<std::string> proxy::open_upstream()
{
    const bool offline = config_->mode == run_mode::offline;
    auto day = calendar_of(config_->budget.day);
    if (auto* trouble = std::get_if<std::string>(&day)) return *trouble;
    if (config_->credentials.mode == credentials_mode::inject)
    {
        auto read = read_injected(config_->credentials);
        auto* trouble = std::get_if<std::string>(&read);
        if (trouble && !offline) return *trouble;
        // Offline it only says whose what is kept is: without it nothing is found until it can be read.
        if (trouble)
            around_.out.warn("without the credential nothing that was kept under it is found", {{"why", *trouble}});
        injected_ = std::make_unique<credential_holder>();
        injected_->replace(trouble ? injected_credential() : std::get<injected_credential>(std::move(read)));
        if (auto unreadable = read_clients()) return unreadable;
    }
    std::size_t count = config_->server.threads;
    if (count == 0) count = std::clamp<std::size_t>(cores(), 1, threads_max);
    if (around_.by_hand) count = 1;
    for (std::size_t i = 0; i < count; ++i)
    {
        loops_.push_back(std::make_unique<asio::io_context>(1));
        fronts_.push_back(
            std::make_unique<front>(loops_.back()->get_executor(), config_->cache.memory_max / 4 / count));
    }
    if (count > 1) loops_.push_back(std::make_unique<asio::io_context>(1));
    executor fetch_loop = loops_.back()->get_executor();
    auto tls = read_authorities(*config_);
    if (auto* trouble = std::get_if<std::string>(&tls)) return *trouble;
    fetcher_ = std::make_unique<fetcher>(
        fetcher_parts{fetch_loop, config_, upstream_, std::get<std::shared_ptr<asio::ssl::context>>(std::move(tls)),
                      *tiers_, *partitions_, around_.clock, around_.out, *ledger_, std::get<calendar>(day), itself_});
    return std::nullopt;
}

std::optional<std::string> proxy::open_alerts()
{
    if (config_->alerts.webhook_file.empty() || config_->mode == run_mode::offline) return std::nullopt;
    auto url = read_webhook(*config_);
    if (auto* trouble = std::get_if<std::string>(&url)) return *trouble;
    auto tls = read_webhook_authorities(*config_);
    if (auto* trouble = std::get_if<std::string>(&tls)) return *trouble;
    // Beside the ledger, whose day they are about.
    const std::string& beside = files_.ledger != in_memory ? files_.ledger : files_.cache;
    webhook::parts parts{loops_.back()->get_executor(),
                         around_.clock,
                         around_.out,
                         parse_proxy(config_->upstream.proxy),
                         std::get<std::shared_ptr<asio::ssl::context>>(std::move(tls)),
                         itself_};
    alerts_ = std::make_shared<alerts>(std::move(parts), std::get<webhook_url>(std::move(url)),
                                       "callcache on " + host_name(), beside == in_memory ? "" : beside + "-alerts");
    return std::nullopt;
}

std::optional<std::string> proxy::open_listeners()
{
    if (auto trouble = read_tls()) return trouble;
    if (auto trouble = read_admin_token()) return trouble;
    lookup_handler_ = std::make_unique<lookup_handler>(
        lookup_handler::parts{config_, *tiers_, *partitions_, *fetcher_, injected_.get(), clients_.get(), upstream_,
                              around_.clock, around_.out, counts_, refused_});
    observer_ = std::make_unique<observer>(observer::parts{config_, upstream_, *tiers_, *fetcher_, counts_, refused_,
                                                           log_, around_.clock, [this] { return connections(); },
                                                           tls_.get(), alerts_.get()});
    admin_ = std::make_unique<admin>(admin::parts{config_, ready_, admin_token_, *tiers_, *partitions_, *fetcher_,
                                                  *observer_, around_.clock, around_.out, around_.read_again});
    std::size_t most = connections_for(descriptors_, fronts_.size(), config_->upstream.connections_max);
    tool_rules_.reset(new session_rules{config_, around_.clock, *lookup_handler_, tls_.get(), most});
    admin_rules_.reset(
        new session_rules{config_, around_.clock, *admin_, nullptr, operator_connections_max, &front::idle_operators});
    for (auto [addresses, rules, place] : {std::tuple{&config_->server.listen, tool_rules_.get(), &tool_listener_},
                                           {&config_->server.admin, admin_rules_.get(), &admin_listener_}})
    {
        if (addresses->empty()) continue;
        auto opened = listener::open(*addresses, fronts_, *rules, around_.out);
        if (auto* trouble = std::get_if<std::string>(&opened)) return *trouble;
        *place = std::get<std::shared_ptr<listener>>(opened);
        for (const tcp::endpoint& e : (*place)->endpoints()) itself_->listeners.push_back(e);
    }
    return std::nullopt;
}

void proxy::run_loops()
{
    tool_listener_->start();
    if (admin_listener_) admin_listener_->start();
    for (auto& f : fronts_) asio::co_spawn(f->loop, sweep(*f, *tool_rules_), asio::detached);
    if (around_.by_hand) return;
    for (auto& loop : loops_)
        threads_.emplace_back([this, &l = *loop] {
            auto work = asio::make_work_guard(l);
            run_loop(l, [this](std::string_view mistake) { lookup_handler_->mistake(mistake); });
        });
}

void proxy::stop()
{
    for (auto& loop : loops_) loop->stop();
    for (std::thread& t : threads_)
        if (t.joinable()) t.join();
    // Both answer whoever still waits for them, which resumes on loops that must stand.
    if (fetcher_ && ledger_) ledger_->write(fetcher_->last_page(), [](ledger_state) {});
    ledger_.reset();
    tiers_.reset();
    log_.finish();
}

proxy::~proxy()
{
    stop();
    // The fetcher goes when the last coroutine on its loop goes; the sessions that wait for it are destroyed with it,
    // while their own loops still stand. Then the sessions.
    tool_listener_.reset();
    admin_listener_.reset();
    if (alerts_) alerts_->abandon();
    alerts_.reset();
    if (fetcher_) fetcher_->abandon();
    fetcher_.reset();
    while (!loops_.empty()) loops_.pop_back();
}

std::vector<tcp::endpoint> proxy::admin_endpoints() const
{
    if (!admin_listener_) return {};
    return admin_listener_->endpoints();
}

void proxy::drain()
{
    ready_ = false;
    tool_rules_->draining = true;
    asio::post(fronts_.front()->loop, [l = tool_listener_] { l->stop(); });
    fetcher_->drain();
    for (auto& f : fronts_)
        asio::post(f->loop, [&f = *f, &clock = around_.clock] {
            for (session* s : f.sessions) s->drain();
            asio::co_spawn(f.loop, end_idle(f, clock), asio::detached);
        });
}

reloaded proxy::reload(const loaded_settings& read)
{
    loaded_settings judged = read;
    if (judged.problems.empty()) judged.problems = start_problems(read.values, is_kept_out_of_reach);
    reloaded r = callcache::reload(*config_, judged);
    for (const config_problem& p : r.problems)
        around_.out.error("the configuration was read again and stays as it was", {{"why", p}});
    if (!r.problems.empty()) return r;
    const auto said_before = share_warning(*config_), share = share_warning(r.values);
    config_.replace(r.values);
    around_.out.use(r.values.log.level);
    place_views();
    fetcher_->reload();
    for (const std::string& key : r.needs_restart)
        around_.out.warn("a changed key needs a restart, and stays as it was", {{"key", key}});
    for (const std::string& change : r.changed) around_.out.info("changed", {{"key", change}});
    if (share && share != said_before) around_.out.warn(*share);
    warn_of_descriptors();
    around_.out.info("the configuration was read again", {{"changed", std::to_string(r.changed.size())},
                                                          {"needs_restart", std::to_string(r.needs_restart.size())}});
    return r;
}

void proxy::place_views()
{
    tiers_->set_keeping(call_view::transcript, config_->cache.transcripts);
    tiers_->set_keeping(call_view::details, config_->cache.details);
}

void proxy::look_after(wall_time now)
{
    if (now - recency_at_ >= std::chrono::minutes(1))
    {
        recency_at_ = now;
        tiers_->look_after({now, around_.clock.steady()});
    }
    observer_->look();
    if (alerts_)
    {
        fetcher_->ask_report([alerts = alerts_](const upstream_report& r) { alerts->look(r); });
        alerts_->keep();
    }
    const refused_tools::lines refused = refused_.look({now, around_.clock.steady()});
    for (const auto& [text, what] : refused.go_on) around_.out.warn(text, {{"what", what}});
    for (const auto& [text, what] : refused.ended) around_.out.info(text, {{"what", what}});
    if (tls_ && now - certificate_looked_at_ >= std::chrono::days(1))
    {
        certificate_looked_at_ = now;
        if (auto warning = certificate_warning(end_of(tls_->current()), now)) around_.out.warn(*warning);
    }
    log_.look();
    look_after_lock();
    read_files_again();
}

// Who removes the database under us may remove its lock too. It is taken again, so that nobody else uses the file that
// is begun anew; if somebody was quicker, that is said.
void proxy::look_after_lock()
{
    if (!lock_ || !lock_->is_lost()) return;
    auto again = file_lock::take(lock_->path(), file_lock::this_process());
    if (auto* mine = std::get_if<file_lock>(&again))
    {
        lock_.emplace(std::move(*mine));
        lost_lock_ = false;
        return around_.out.warn("the lock on the database was removed or replaced; it was taken again",
                                {{"lock", lock_->path()}});
    }
    if (std::exchange(lost_lock_, true)) return;
    auto* other = std::get_if<file_lock::held>(&again);
    around_.out.error("the lock on the database was removed or replaced, and cannot be taken again: if two callcaches "
                      "use one database, what is purged in one is still answered by the other. Stop one of them",
                      {{"lock", lock_->path()},
                       {"why", other ? "in use by " + other->by : std::get<file_lock::unavailable>(again).why}});
}

std::optional<std::string> proxy::read_clients()
{
    if (config_->credentials.clients_file.empty()) return std::nullopt;
    auto read = callcache::read_clients(config_->credentials.clients_file);
    if (auto* trouble = std::get_if<std::string>(&read)) return *trouble;
    if (!clients_) clients_ = std::make_unique<client_holder>();
    clients_->replace(std::get<client_list>(std::move(read)));
    return std::nullopt;
}

std::optional<std::string> proxy::read_tls()
{
    if (config_->server.tls_certificate_file.empty()) return std::nullopt;
    auto read = read_tls_identity(config_->server);
    if (auto* trouble = std::get_if<std::string>(&read)) return *trouble;
    auto& identity = std::get<tls_identity>(read);
    certificate_looked_at_ = {};
    if (tls_)
        tls_->replace(std::move(identity));
    else
    {
        tls_ = std::make_shared<tls_identity_holder>(std::move(identity));
        itself_->is_certificate = [tls = tls_](const x509_st* shown) { return shows(tls->current(), shown); };
    }
    return std::nullopt;
}

std::optional<std::string> proxy::read_admin_token()
{
    if (config_->server.admin_token_file.empty()) return std::nullopt;
    auto read = callcache::read_admin_token(config_->server.admin_token_file);
    if (auto* trouble = std::get_if<std::string>(&read)) return *trouble;
    admin_token_.replace(std::get<admin_token>(read));
    return std::nullopt;
}

// What cannot be read again leaves what was read before in use.
void proxy::read_files_again()
{
    auto complain = [&](const std::string& why) {
        around_.out.warn("a file cannot be read again; what was read before stays in use", {{"why", why}});
    };
    bool credential = false;
    for (watched_file& f : credential_files_) credential = f.has_changed() || credential;
    if (injected_ && credential)
    {
        auto read = read_injected(config_->credentials);
        if (auto* trouble = std::get_if<std::string>(&read))
            complain(*trouble);
        else
        {
            injected_->replace(std::get<injected_credential>(std::move(read)));
            around_.out.info("the credential was read again");
        }
    }
    if (clients_ && clients_file_.has_changed())
    {
        if (auto trouble = read_clients())
            complain(*trouble);
        else
            around_.out.info("the tools' tokens were read again",
                             {{"tools", std::to_string(clients_->current()->size())}});
    }
    // Of a pair that is replaced one file comes first: it fits when the other one has come.
    bool certificate = tls_certificate_file_.has_changed(), key = tls_key_file_.has_changed();
    if (certificate || key)
    {
        if (auto trouble = read_tls())
            complain(*trouble);
        else
            around_.out.info("the certificate towards tools was read again");
    }
    if (admin_token_file_.has_changed())
    {
        if (auto trouble = read_admin_token())
            complain(*trouble);
        else
            around_.out.info("the operator's token was read again");
    }
    if (alerts_ && webhook_file_.has_changed())
    {
        auto read = read_webhook(*config_);
        if (auto* trouble = std::get_if<std::string>(&read))
            complain(*trouble);
        else
        {
            alerts_->use(std::get<webhook_url>(std::move(read)));
            around_.out.info("the address of alerts was read again");
        }
    }
    if (!ca_file_.has_changed() || config_->mode == run_mode::offline) return;
    if (alerts_)
        if (auto tls = read_webhook_authorities(*config_); auto* good = std::get_if<0>(&tls)) alerts_->use(*good);
    auto read = read_authorities(*config_);
    if (auto* trouble = std::get_if<std::string>(&read)) return complain(*trouble);
    fetcher_->use(std::get<std::shared_ptr<asio::ssl::context>>(std::move(read)));
    around_.out.info("the certificate authorities were read again");
}

void proxy::warn_of_descriptors() const
{
    if (config_->server.connections_max <= tool_rules_->open_most) return;
    around_.out.warn("server.connections_max is more than the descriptor limit allows (ulimit -n, LimitNOFILE=)",
                     {{"connections_max", std::to_string(config_->server.connections_max)},
                      {"in_force", std::to_string(tool_rules_->open_most)},
                      {"descriptors", std::to_string(descriptors_)}});
}

void proxy::announce() const
{
    auto list = [](const std::vector<tcp::endpoint>& endpoints) {
        std::string text;
        for (const tcp::endpoint& e : endpoints) text += (text.empty() ? "" : ", ") + to_text(e);
        return text.empty() ? std::string("off") : text;
    };
    origin self{tls_ != nullptr,
                {parse_host_port(config_->server.listen.front())->host, tool_endpoints().front().port()}};
    around_.out.info(
        "listening",
        {{"base_url", self.text()}, {"tools", list(tool_endpoints())}, {"admin", list(admin_endpoints())}});
    if (config_->mode == run_mode::offline)
        around_.out.warn("offline (mode): only what is kept is served, also when it is no longer fresh; nothing goes "
                         "upstream");
    around_.out.info(
        "upstream",
        {{"url", upstream_.text()},
         {"credential", injected_ ? "callcache's own" : "each tool's own"},
         {"budget", "at most " + std::to_string(config_->budget.burst) + " requests in " +
                        std::to_string(double(config_->budget.burst) / config_->budget.rate).substr(0, 5) + " s"}});
    if (auto through = parse_proxy(config_->upstream.proxy))
        around_.out.info("through a proxy (upstream.proxy)", {{"proxy", through->text()}});
    if (auto proxy = own_proxy_warning(*config_)) around_.out.warn(*proxy);
    budget_report spending = fetcher_->report().spending;
    if (spending.daily > 0)
        around_.out.info("budget",
                         {{"left_of_the_day", std::to_string(spending.left) + " of " + std::to_string(spending.daily)},
                          {"day", config_->budget.day}});
    if (auto share = share_warning(*config_)) around_.out.warn(*share);
    if (auto open = admin_warning(config_->server)) around_.out.warn(*open);
    warn_of_descriptors();
    bool memory = files_.cache == in_memory;
    around_.out.info("cache", {{"file", memory ? "none; kept in memory, and gone with the process" : files_.cache},
                               {"known_credentials", std::to_string(tiers_->disk().kept_partitions().size())}});
    around_.out.info("where transcripts and details of calls lie (cache.transcripts, cache.details)",
                     {{"transcripts", place_of(config_->cache.transcripts, memory)},
                      {"details", place_of(config_->cache.details, memory)}});
}

}  // namespace callcache

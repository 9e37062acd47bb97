// The composition root: builds the whole system, starts it, stops it.
//
// Threads: fronts, a fetcher, a store. `server.threads` front loops accept, parse and answer hits; the memory tier is
// the only thing that they share. One fetch loop owns everything about misses. The store writes and reads with threads
// of its own. With one thread the same loop is front and fetcher.
#pragma once

#include "cache/data_files.hpp"
#include "cache/file_lock.hpp"
#include "cache/ledger.hpp"
#include "cache/tiers.hpp"
#include "config/live_settings.hpp"
#include "server/admin/admin.hpp"
#include "server/alerts/alerts.hpp"
#include "server/fetch/fetcher.hpp"
#include "server/front/listener.hpp"
#include "server/front/lookup_handler.hpp"
#include "server/secrets/credential.hpp"
#include "server/secrets/watched_file.hpp"
#include "server/telemetry/log_watch.hpp"
#include "server/telemetry/request_counts.hpp"

#include <optional>
#include <thread>

namespace callcache
{

class proxy
{
public:
    struct surroundings
    {
        const clock_source& clock;
        callcache::log& out;
        bool by_hand = false;  // a test's: one loop and no thread for it; the test polls loop()

        // Reads the configuration again, hands it to reload(), and says what came of it; for POST /reload. Any thread.
        std::function<void(std::function<void(reloaded)>)> read_again = {};
    };
    using started = std::variant<std::unique_ptr<proxy>, std::string>;

    // A running proxy, or the operator's line that says why there is none. `config` must hold no contradictions.
    static started start(const settings& config, const surroundings&);

    // Stops at once: no loop runs any more, and the store has written what was queued.
    void stop();

    // Stops. Waits for a name lookup that is under way, which nothing can interrupt.
    ~proxy();

    std::vector<tcp::endpoint> tool_endpoints() const { return tool_listener_->endpoints(); }
    std::vector<tcp::endpoint> admin_endpoints() const;

    // Any thread. No new connection is accepted; who waits in the queue is sent away; what is running is finished.
    void drain();
    bool is_drained() const { return tool_rules_->open == 0; }

    // Puts in force what can be while it runs, or nothing if there are problems, and logs which. One thread at a time.
    reloaded reload(const loaded_settings&);

    // The settings in force. Any thread.
    const settings& config() const { return *config_; }

    // Any thread, now and then: files that changed are read again, recency is handed to the store.
    void look_after(wall_time now);

    // For tests, on the loop.
    asio::io_context& loop() { return *loops_.front(); }
    fetcher& misses() { return *fetcher_; }
    tiers& kept() { return *tiers_; }
    const request_counts& counts() const { return counts_; }
    std::size_t connections() const { return tool_rules_->open; }

private:
    proxy(const settings&, const surroundings&);
    std::optional<std::string> find_files();
    std::optional<std::string> open_cache();
    std::optional<std::string> open_ledger();
    std::optional<std::string> open_upstream();
    std::optional<std::string> open_alerts();
    std::optional<std::string> open_listeners();
    std::optional<std::string> read_clients();
    std::optional<std::string> read_tls();
    std::optional<std::string> read_admin_token();
    void read_files_again();
    void look_after_lock();
    void place_views();
    void run_loops();
    void announce() const;
    void warn_of_descriptors() const;

    live_settings config_;
    log_watch log_;
    const surroundings around_;  // with log_ in place of what was given
    const origin upstream_;
    const std::uint64_t descriptors_;  // that the process may have

    data_files files_;
    std::optional<file_lock> lock_;  // on the database
    bool lost_lock_ = false;
    std::unique_ptr<ledger> ledger_;
    std::unique_ptr<tiers> tiers_;
    std::unique_ptr<partitions> partitions_;
    std::unique_ptr<credential_holder> injected_;
    std::unique_ptr<client_holder> clients_;
    std::shared_ptr<tls_identity_holder> tls_;  // towards tools; null: none
    admin_token_holder admin_token_;
    std::atomic<bool> ready_{false};
    wall_time recency_at_{}, certificate_looked_at_{};
    std::vector<watched_file> credential_files_;
    watched_file clients_file_, ca_file_, tls_certificate_file_, tls_key_file_, admin_token_file_, webhook_file_;

    // The loops end before what their handlers use, and after the fetcher's last holder: see stop in the destructor.
    std::vector<std::unique_ptr<asio::io_context>> loops_;
    std::vector<std::unique_ptr<front>> fronts_;
    std::unique_ptr<fetcher> fetcher_;
    std::shared_ptr<alerts> alerts_;  // null: none are sent
    request_counts counts_;
    refused_tools refused_;
    std::unique_ptr<lookup_handler> lookup_handler_;
    std::unique_ptr<observer> observer_;
    std::unique_ptr<admin> admin_;
    std::unique_ptr<session_rules> tool_rules_, admin_rules_;
    std::shared_ptr<listener> tool_listener_, admin_listener_;
    const std::shared_ptr<own_marks> itself_ = std::make_shared<own_marks>();
    std::vector<std::thread> threads_;
};

}  // namespace callcache

// A whole small harness in one thread: the simulated vendor, a proxy, and tools, on a simulated clock. The test drives
// it: nothing happens but while it waits for something to become true.
#pragma once

#include "server/proxy.hpp"
#include "tests/sim/vendor.hpp"
#include "tests/support/sim_clock.hpp"
#include "tests/support/temp_folder.hpp"

#include <functional>
#include <mutex>

namespace callcache::test
{

using namespace std::chrono_literals;

inline const std::string authorization = sim::basic("key", "secret");
inline const std::string other_authorization = sim::basic("other", "secret");

// A host without an address. A label has at most 63 characters, so no name service is asked for it (RFC 1035, section
// 2.3.4).
inline const std::string host_without_address =
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid";

// Keeps what is logged.
class recorded_log final : public log
{
public:
    void use(log_level) override {}
    bool wants(log_level) const override { return true; }
    void write(log_level, std::string_view text, const std::vector<log_field>& fields) override;
    std::string text() const;

private:
    mutable std::mutex mutex_;
    std::string text_;
};

struct answer
{
    unsigned status = 0;
    std::vector<field> fields;
    std::string body;
    std::string raw;  // all of it, as it came

    std::string header(std::string_view lower_name) const;  // empty if it is not there
    bool has(std::string_view lower_name) const;

    // A parameter of Cache-Status: "fwd" gives "miss", a bare one such as "hit" gives "hit", an absent one "".
    std::string cache(std::string_view parameter) const;
};

// The answer at the front of `bytes`, if all of it is there. `head`: it is to a HEAD; `closed`: nothing more will come.
std::optional<answer> parse_answer(const std::string& bytes, bool head, bool closed);

struct harness;

// A tool's connection.
class tool
{
public:
    explicit tool(harness&);
    tool(harness&, tcp::endpoint);
    ~tool();

    void send(const std::string& bytes);
    void finish_sending();

    // Drives the harness until a whole answer has come. `head`: it is to a HEAD, and has no body.
    answer read(bool head = false);

    // True once a whole answer has come that read() would return.
    bool has_answer(bool head = false) const;

    // Drives the harness until the other side has closed.
    void wait_closed();
    bool closed() const;
    bool was_reset() const;
    std::size_t received() const;
    std::string take();  // what has come and was not read yet
    void hang_up();

    struct state;

private:
    harness& harness_;
    std::shared_ptr<state> state_;
};

using fields = std::vector<field>;

struct harness
{
    harness();
    ~harness();

    temp_folder folder;
    sim_clock clock;
    recorded_log out;
    asio::io_context loop{1};  // the vendor's and the tools'
    asio::executor_work_guard<executor> work = asio::make_work_guard(loop);
    sim::vendor_options vendor_options;
    std::unique_ptr<sim::vendor> vendor;
    settings config;
    std::unique_ptr<proxy> cache;
    bool clock_runs = false;  // the clock moves while nothing else does: for what waits a while before it goes on

    // Starts the vendor if there is none, and a proxy in the place of the one that runs. A proxy that does not start
    // fails the test.
    void start();
    void stop() { cache.reset(); }

    // The operator's line of a proxy that must not start.
    std::string start_refused();

    // Drives everything until it is true; fails the test if that takes too long.
    void run_until(const std::function<bool()>& true_now);
    void run_for_a_while();  // long enough for anything that is under way to happen

    // A request without Host and Authorization: they are added.
    std::string request(const std::string& method, const std::string& target, const fields& = {},
                        const std::string& as = authorization) const;

    // One request on a connection of its own, and its answer.
    answer get(const std::string& target, const fields& = {}, const std::string& as = authorization);
    answer send(const std::string& method, const std::string& target, const fields& = {},
                const std::string& as = authorization);
    answer raw(const std::string& bytes, bool head = false);

    // At the admin address. What is in `config` is what POST /reload finds.
    answer operate(const std::string& method, const std::string& target, const std::string& body = "");

    // The id of a call that the vendor knows, and its path.
    std::string id(std::uint64_t number) const { return vendor->catalogue().id(number); }
    std::string path(std::uint64_t number) const { return "/v2/calls/" + id(number); }

    // The bytes of the call object in an answer's body.
    static std::string call_of(const answer&);
};

}  // namespace callcache::test

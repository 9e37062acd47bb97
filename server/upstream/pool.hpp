// The connections to the vendor: at most so many, and the idle ones used again.
#pragma once

#include "config/settings.hpp"
#include "server/async/semaphore.hpp"
#include "server/upstream/transport.hpp"

#include <deque>

namespace callcache
{

// Fetch loop only.
class connection_pool
{
public:
    connection_pool(destination, const upstream_settings&, const clock_source&, executor);

    // A connection, on loan: dropping it closes it and makes room for another.
    class loan
    {
    public:
        explicit loan(connection_pool& from) : from_(&from) {}
        loan(loan&& other) noexcept :
            from_(std::exchange(other.from_, nullptr)),
            transport_(std::move(other.transport_)),
            used_(other.used_),
            era_(other.era_)
        {}
        loan& operator=(loan&&) = delete;
        ~loan();

        transport& connection() { return *transport_; }

        // It has carried a request before, so the vendor may have closed it in the meantime.
        bool was_used() const { return used_; }

        // For the next one to use.
        void give_back();

    private:
        friend class connection_pool;
        connection_pool* from_;
        std::unique_ptr<transport> transport_;
        bool used_ = false;
        std::uint64_t era_ = 0;  // of the pool's TLS context that it was made with
    };
    using taken = std::variant<loan, upstream_failure>;

    // An idle connection, or a new one; a new one if `fresh`. Waits while too many are in use.
    task<taken> take(bool fresh, steady_time deadline);

    // A place among those in use, for a connection of another loop's; false at the deadline. True: leave() is
    // to be called exactly once.
    task<bool> enter(steady_time deadline) { return on_loan_.enter(deadline); }
    void leave() { on_loan_.leave(); }

    // With a place: an idle connection of that loop's; or null, and one can be made, to `to()`.
    std::unique_ptr<transport> idle_one(const executor& home);
    void make_room();
    const destination& to() const { return to_; }
    std::uint64_t era() const { return era_; }  // of that, to be remembered with the connection

    // Before the place is left: for the next one to use. Nothing runs on it.
    void keep(std::unique_ptr<transport>, const executor& home, std::uint64_t era);

    std::size_t size() const { return idle_.size() + on_loan_.inside(); }

    // One of them was found dead, and nobody had said so.
    void drop_idle() { idle_.clear(); }

    // For the connections that are made from now on; idle ones end.
    void use(std::shared_ptr<asio::ssl::context>);

    // Timeouts, from now on. REQUIRES: connections_max is as it was.
    void reconfigure(const upstream_settings& s) { settings_ = s; }

    // Closes what is idle; nothing is kept from now on.
    void close();

    // As in semaphore. What is idle goes too, while its loop stands.
    void abandon();

private:
    struct idle
    {
        std::unique_ptr<transport> connection;
        executor home;  // the loop that it runs on
        moment since;
    };
    const executor loop_;
    destination to_;
    upstream_settings settings_;
    std::uint64_t era_ = 0;
    const clock_source& clock_;
    bool is_old(const idle&) const;
    std::deque<idle> idle_;  // the last one used at the back
    semaphore on_loan_;
    bool closed_ = false;
};

// All of them wait for answers.
upstream_failure none_is_free(const upstream_settings&);

}  // namespace callcache

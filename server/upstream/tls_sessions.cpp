#include "server/upstream/tls_sessions.hpp"

namespace callcache
{

tls_session tls_sessions::take(const context& c, steady_time now)
{
    std::lock_guard lock(mutex_);
    if (of_ != c || sessions_.empty() || !verified_at_ || now - *verified_at_ > resumed_for) return nullptr;
    if (SSL_SESSION_get_protocol_version(sessions_.back().get()) < TLS1_3_VERSION)
        return tls_session(SSL_SESSION_dup(sessions_.back().get()));
    tls_session newest = std::move(sessions_.back());
    sessions_.pop_back();
    return newest;
}

void tls_sessions::keep(const context& c, tls_session s)
{
    std::lock_guard lock(mutex_);
    belong_to(c);
    sessions_.push_back(std::move(s));
    if (sessions_.size() > kept_max) sessions_.pop_front();
}

void tls_sessions::verified(const context& c, steady_time now)
{
    std::lock_guard lock(mutex_);
    belong_to(c);
    verified_at_ = now;
}

void tls_sessions::forget()
{
    std::lock_guard lock(mutex_);
    sessions_.clear();
}

void tls_sessions::belong_to(const context& c)
{
    if (of_ == c) return;
    of_ = c;
    sessions_.clear();
    verified_at_.reset();
}

}  // namespace callcache

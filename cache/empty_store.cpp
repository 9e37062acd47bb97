#include "cache/store.hpp"

#include <openssl/rand.h>

#include <stdexcept>

namespace callcache
{
namespace
{

class empty_store final : public store
{
public:
    empty_store() : salt_(32, '\0')
    {
        if (RAND_bytes(reinterpret_cast<unsigned char*>(salt_.data()), int(salt_.size())) != 1)
            throw std::runtime_error("no random bytes");
    }

    const std::string& salt() const override { return salt_; }
    const std::vector<partition_record>& kept_partitions() const override { return none_; }
    erasure_record kept_erasure() const override { return {}; }
    void find(const entry_key&, found done) override { done(nullptr); }
    void put(const entry_key&, entry_ptr) override {}
    void drop(const entry_key&, wall_time) override {}
    void drop_name(const std::string&, written done) override { done(true); }
    void drop_all(written done) override { done(true); }
    void put_erasure(const erasure_record&, written done) override { done(true); }
    void touch(std::vector<entry_key>, wall_time) override {}
    void put_partition(const partition_record&, written done) override
    {
        if (done) done(true);
    }
    state current() const override { return {}; }

private:
    std::string salt_;
    std::vector<partition_record> none_;
};

}  // namespace

std::unique_ptr<store> make_empty_store()
{
    return std::make_unique<empty_store>();
}

}  // namespace callcache

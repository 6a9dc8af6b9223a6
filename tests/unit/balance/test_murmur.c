/* SPDX-License-Identifier: Apache-2.0 */

#include "balance/murmur.h"

#include "harness/test.h"

/* What std::hash<std::string> of libstdc++ gives. */
static void it_agrees_with_libstdcxx(void **state)
{
    static const struct {
        const char *text;
        uint64_t hash;
    } cases[] = {
        { "", UINT64_C(0x553e93901e462a6e) },
        { "a", UINT64_C(0x454ddee488c1ed6b) },
        { "1234567", UINT64_C(0x6d7a4e79e8a2cbf6) },
        { "12345678", UINT64_C(0x8c5b90a33a04dca5) },
        { "10.0.0.1:80_0", UINT64_C(0xbd8f6461ecffb28c) },
        { "10.0.0.1:80_1023", UINT64_C(0xdb1dedbe404c83e6) },
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(tulle__murmur2(str_of(cases[i].text)), cases[i].hash);
    }
}

TEST_MAIN(cmocka_unit_test(it_agrees_with_libstdcxx))

/* SPDX-License-Identifier: Apache-2.0 */

#ifndef TESTS_PEER_CHI_SQUARE_H
#define TESTS_PEER_CHI_SQUARE_H

#include <stddef.h>

/* The probability that two samples of one distribution differ as much as these
 * counts, or more (two-sample chi-square; Wilson and Hilferty's normal form). */
double chi_square_p(const unsigned *ours, const unsigned *theirs, size_t count);

#endif

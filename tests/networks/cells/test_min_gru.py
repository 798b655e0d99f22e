"""minGRU by the equations of Feng et al. (2024), section 3.1."""

import math

import numpy as np

from rnnfc.networks.cells.cell import find_cell


def test_min_gru__a_step_is_worked_by_hand() -> None:
    """One input of 2; one unit with h = 0.5: z = sigmoid(2 * 0.5 - 1) = 1/2, c = 2 * 3 + 1 = 7."""
    step = find_cell("minGRU").step(1, kernel_seed=1, recurrent_seed=2)
    step.build((None, 1))
    step.set_weights([np.array([[0.5, 3.0]]), np.array([-1.0, 1.0])])
    output, (hidden,) = step(np.array([[2.0]], np.float32), [np.array([[0.5]], np.float32)])
    assert float(output[0, 0]) == float(hidden[0, 0]) == (1 - 0.5) * 0.5 + 0.5 * 7


def test_min_gru__the_gate_mixes_the_state_and_the_candidate_of_its_own_unit() -> None:
    """Two units, zero input: z = sigmoid(b_z) = 0.8 and 0.2, c = b_c = 10 and 20, h = 1 and 2 before."""
    step = find_cell("minGRU").step(2, kernel_seed=1, recurrent_seed=2)
    step.build((None, 1))
    step.set_weights([np.ones((1, 4)), np.array([math.log(4), -math.log(4), 10.0, 20.0])])
    _, (hidden,) = step(np.zeros((1, 1), np.float32), [np.array([[1.0, 2.0]], np.float32)])
    np.testing.assert_allclose(hidden, [[0.2 * 1 + 0.8 * 10, 0.8 * 2 + 0.2 * 20]], rtol=1e-6)

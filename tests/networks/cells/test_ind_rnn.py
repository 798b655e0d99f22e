"""IndRNN by equation 2 of Li et al. (2018)."""

import numpy as np

from rnnfc.networks.cells.cell import find_cell


def test_ind_rnn__a_step_is_worked_by_hand() -> None:
    """Two units with relu: 2 * 3 + 0.5 * 4 - 1 = 7 and 2 * -1 + 2 * 1 = 0; from h = -4 and 1.5: 6 - 2 - 1 = 3 and -2 + 3 = 1."""
    step = find_cell("IndRNN").step(2, kernel_seed=1, recurrent_seed=2, activation="relu")
    step.build((None, 1))
    step.set_weights([np.array([[3.0, -1.0]]), np.array([0.5, 2.0]), np.array([-1.0, 0.0])])
    x = np.array([[2.0]], np.float32)
    output, (hidden,) = step(x, [np.array([[4.0, 1.0]], np.float32)])
    np.testing.assert_array_equal(output, [[7.0, 0.0]])
    np.testing.assert_array_equal(hidden, output)
    np.testing.assert_array_equal(step(x, [np.array([[-4.0, 1.5]], np.float32)])[0], [[3.0, 1.0]])


def test_ind_rnn__a_unit_does_not_read_the_state_of_another() -> None:
    step = find_cell("IndRNN").step(2, kernel_seed=1, recurrent_seed=2)
    step.build((None, 1))
    x = np.ones((1, 1), np.float32)
    first, other = (step(x, [np.array([[h, 1.0]], np.float32)])[0].numpy() for h in (0.0, 1.0))
    assert first[0, 0] != other[0, 0]
    assert first[0, 1] == other[0, 1]


def test_ind_rnn__recurrent_weights_start_between_minus_one_and_one() -> None:
    layer = find_cell("IndRNN").layer(200, kernel_seed=1, recurrent_seed=2, seed=3)
    layer.build((None, 5, 3))
    recurrent = layer.get_weights()[1]
    assert recurrent.shape == (200,)
    assert -1 <= recurrent.min() < -0.8
    assert 0.8 < recurrent.max() <= 1

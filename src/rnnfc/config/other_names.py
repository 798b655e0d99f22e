"""What other forecasting and deep-learning tools call the keys of a config, for the message about an unknown key."""

# key here: its names in Keras, PyTorch Lightning, darts, GluonTS, neuralforecast, pytorch-forecasting, sktime, Prophet
_NAMES = {
    "data.calendar": "add_encoders time_features add_time_features encoders",
    "data.columns": "names header new_columns col_names column_names",
    "data.comment": "comment_prefix comment_char comments",
    "data.decimal": "decimal_mark decimal_separator dec",
    "data.encoding": "charset file_encoding",
    "data.frequency": "freq",
    "data.inputs": "past_covariates hist_exog hist_exog_list lagged_regressors time_varying_unknown_reals past_feat_dynamic_real",
    "data.known": "future_covariates futr_exog futr_exog_list time_varying_known_reals feat_dynamic_real exog regressors",
    "data.missing": "fillna imputation fill_missing_dates",
    "data.missing_values": "na_values null_values nullstr na nan_values missing_words",
    "data.repeated": "duplicates drop_duplicates keep duplicated on_duplicates",
    "data.resample": "aggregate agg rule downsample",
    "data.season": "seasonality season_length seasonal_period seasonal_periods sp m period",
    "data.path": "filepath_or_buffer filename file csv_path",
    "data.separator": "sep delimiter delim field_separator",
    "data.series": "id_col unique_id group_ids group_id item_id series_id id_column",
    "data.skip_footer": "skipfooter skip_footers footer",
    "data.skip_rows": "skiprows skip skip_lines header_row",
    "data.skip_rows_after_header": "units_row skip_units",
    "data.sort": "sort_values sort_by sort_index order_by",
    "data.strip": "strip_chars prefix suffix currency",
    "data.series_from": "columns_as_series",
    "data.target": "y target_col target_column value_cols label",
    "data.time": "ds time_col date_col date_column time_column timestamp_column time_idx date index_col parse_dates",
    "data.thousands": "grouping_mark thousands_separator big_mark",
    "data.time_format": "date_format datetime_format strptime timestamp_format",
    "data.time_columns": "value_vars names_to cols",
    "data.time_unit": "unit_of_time timestamp_unit epoch_unit",
    "data.where": "filter query filters select_rows",
    "data.time_zone": "tz timezone tzinfo",
    "model.cell": "rnn_type cell_type layer_type rnn recurrent_type",
    "model.dropout": "dropout_rate dropout_prob encoder_dropout",
    "model.ensemble": "num_models n_models",
    "model.levels": "quantile_levels level alphas",
    "model.units": "hidden_size hidden_dim hidden_units num_units n_units neurons encoder_hidden_size num_cells rnn_units "
    "num_layers n_layers n_rnn_layers encoder_n_layers",
    "scale": "scaler scaler_type normalizer scaling",
    "seed": "random_state random_seed",
    "split.test": "test_size n_test",
    "split.validation": "val_size validation_size validation_split val",
    "train.batch_size": "batch",
    "train.clip": "gradient_clip_val clipnorm clip_norm grad_clip max_grad_norm clip_gradient",
    "train.early_stopping": "patience early_stop early_stop_patience_steps",
    "train.epochs": "n_epochs num_epochs max_epochs max_steps nb_epochs",
    "train.learning_rate": "lr eta",
    "train.loss": "loss_fn criterion loss_function",
    "train.schedule": "lr_scheduler lr_scheduler_cls scheduler",
    "window.horizon": "h fh output_chunk_length prediction_length forecast_horizon max_prediction_length pred_len n_forecasts "
    "output_size n_steps_out",
    "window.length": "input_size input_chunk_length context_length lookback look_back max_encoder_length sequence_length seq_len "
    "time_steps timesteps n_lags lags n_steps n_steps_in window_size",
    "window.stride": "step_size sampling_rate",
}
_KEYS = {name: key for key, names in _NAMES.items() for name in names.split()}


def find_key(name: str) -> str | None:
    """The key, with its group, that another tool calls `name`: "train.learning_rate" for "lr"; None if there is none."""
    return _KEYS.get(name.casefold().replace("-", "_"))
